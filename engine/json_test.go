package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/util"
)

// jsonSeeds are documents at the edges of JSON and of OPA's reading of it.
var jsonSeeds = []string{
	``, ` `, `null`, `true`, `false`, `nul`, `truee`, `{}`, `[]`, `{ }`, `[ ]`, `""`, `"a"`, `{"a":1}`, `{"a":1,}`, `[1,]`, `[,]`,
	`{"a":1,"b":[1,2,{"c":null}]}`, `{"a" : 1 , "b" : 2}`, "\t[\r\n1 ]\n", `{"a"}`, `{"a":}`, `{1:2}`, `{a:1}`, `[1 2]`, `[1`, `{"a":1`,
	`0`, `-0`, `00`, `01`, `-`, `-1`, `1.`, `.5`, `1.5`, `1e5`, `1E+5`, `1e-5`, `1e`, `1e+`, `+1`, `1.0`, `1.50`, `12345678901234567890`,
	`0.1e1`, `1e400`, `1e99999`, `1e-99999`, `1e999999999999`, `-1e400`, `100000000000000000000000000000000000000.5`, `NaN`, `Infinity`, `0x1`,
	`"\u00e9"`, `"\u00E9"`, `"é"`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ude00"`, `"\ud83d\u0041"`, `"\ud83dx"`, `"\ud83d\n"`, `"\ud83d\ud83d\ude00"`,
	`"\u12"`, `"\u12g4"`, `"\x"`, `"\`, `"\u`, `"\"\\\/\b\f\n\r\t"`, "\"\x01\"", "\"a\nb\"", "\"\x7f\"", "\"\xff\"", "\"a\xc3\"", "\"\xed\xa0\x80\"",
	"\"\xe2\x80\xa8\"", "\"\\u0000\"", "\xef\xbb\xbf{}", `1 2`, `{} {}`, `{}x`, `[1]]`, "\x00", "[\x00]", `"abc`, `{"":""}`, `{"a":{"a":{"a":[]}}}`,
	`[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]`, `["a","a","a"]`, `[[[[[[[[]]]]]]]]`, "\x0b1", "1\x0c", `"é\u00e9\xff"`, `0null`, `{} null x`,
}

// agreeShared reads the text as long documents are read, by itself and twice in an array.
func agreeShared(t *testing.T, text string, expected ast.Value, expectedErr error) {
	t.Helper()
	known := newSharing()
	alone, err := readSharing([]byte(text), known)
	if fmt.Sprint(err) != fmt.Sprint(expectedErr) || err == nil && alone.Compare(expected) != 0 {
		t.Fatalf("%.200q: shared reads %v (%v), expected %v (%v)", text, alone, err, expected, expectedErr)
	}
	pair := "[" + text + "," + text + "]"
	plain, plainErr := readValue([]byte(pair))
	shared, err := readSharing([]byte(pair), known)
	if fmt.Sprint(err) != fmt.Sprint(plainErr) {
		t.Fatalf("%.200q: shared says %v, expected %v", pair, err, plainErr)
	}
	if err == nil && (shared.Compare(plain) != 0 || shared.Hash() != plain.Hash() || shared.String() != plain.String()) {
		t.Fatalf("%.200q: shared reads %v, expected %v", pair, shared, plain)
	}
}

// agree holds our reader against OPA's own. Where ours is stricter it must be for its reasons.
func agree(t *testing.T, text string) {
	t.Helper()
	var native any
	theirErr := util.UnmarshalJSON([]byte(text), &native)
	var theirs ast.Value
	if theirErr == nil {
		theirs, theirErr = ast.InterfaceToValue(native)
	}
	ours, ourErr := readValue([]byte(text))
	agreeShared(t, text, ours, ourErr)
	if ourErr != nil {
		stricter := strings.Contains(ourErr.Error(), "twice in one object") || strings.Contains(ourErr.Error(), "deeper than")
		// OPA looks for a further token and takes `null` for none.
		if at, ok := ourErr.(*syntaxError); ok && strings.Contains(at.message, "after the document") {
			stricter = strings.HasPrefix(text[at.offset:], "null")
		}
		if theirErr == nil && !stricter {
			t.Fatalf("%.200q: OPA reads %v, ours says %v", text, theirs, ourErr)
		}
		return
	}
	if theirErr != nil {
		t.Fatalf("%.200q: ours reads %v, OPA says %v", text, ours, theirErr)
	}
	if ours.Compare(theirs) != 0 || ours.Hash() != theirs.Hash() || ours.String() != theirs.String() {
		t.Fatalf("%.200q: ours reads %v, OPA %v", text, ours, theirs)
	}
	// Back to JSON: equal to what encoding/json makes of OPA's value.
	written, err := appendValue(nil, ours)
	if err != nil {
		t.Fatalf("%.200q: cannot write %v: %v", text, ours, err)
	}
	expected, err := ast.JSONWithOpt(theirs, ast.JSONOpt{SortSets: true})
	if err != nil {
		t.Fatal(err)
	}
	var actual any
	if err := util.UnmarshalJSON(written, &actual); err != nil || util.Compare(expected, actual) != 0 {
		t.Fatalf("%.200q: wrote %s (%v)", text, written, err)
	}
}

func TestTheDirectReaderAgreesWithOPA(t *testing.T) {
	for _, text := range jsonSeeds {
		agree(t, text)
		agree(t, `{"k":[`+text+`,"x"]}`)
		agree(t, `["`+text+`"]`)
		for i := range text {
			agree(t, text[:i])
			for _, byte := range "\x00\"\\{[0e.\xc3 }],:" {
				agree(t, text[:i]+string(byte)+text[i+1:])
			}
		}
	}
	for _, depth := range []int{10, 999, 1000, 1001, 9999} {
		agree(t, strings.Repeat("[", depth)+strings.Repeat("]", depth))
		agree(t, strings.Repeat(`{"a":`, depth)+"1"+strings.Repeat("}", depth))
	}
}

func TestTheDirectReaderAgreesWithOPAOnRealDocuments(t *testing.T) {
	for _, folder := range []string{"admission", "gatekeeper-library", "reports/trivy", "schemas"} {
		read := 0
		for _, path := range files(t, folder, ".json") {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if len(text) < 1<<20 {
				agree(t, string(text))
				read++
			}
		}
		t.Logf("%s: %d documents", folder, read)
	}
}

func FuzzTheDirectReaderAgreesWithOPA(f *testing.F) {
	for _, text := range jsonSeeds {
		f.Add(text)
	}
	f.Fuzz(agree)
}

func TestWhatStandsInALongDocumentAgainAndAgainIsOneTerm(t *testing.T) {
	one := `{"a\u0062":["x",null,{"c":"]}\"["}],"d":"x"},`
	text := []byte("[" + strings.Repeat(one, sharedFrom/len(one)+1) + one[:len(one)-1] + "]")
	value, err := readValue(text)
	if err != nil {
		t.Fatal(err)
	}
	array := value.(*ast.Array)
	if array.Elem(0) != array.Elem(1) || array.Elem(0) != array.Elem(array.Len()-1) {
		t.Error("expected equal elements to be one term")
	}
	if expected := ast.MustParseTerm(one[:len(one)-1]).Value; array.Elem(0).Value.Compare(expected) != 0 {
		t.Errorf("expected %v, found %v", expected, array.Elem(0))
	}
}

func TestDuplicateKeysAreRefused(t *testing.T) {
	many := make([]string, 40)
	for i := range many {
		many[i] = fmt.Sprintf(`"k%d":1`, i%39)
	}
	for _, text := range []string{`{"a":1,"a":1}`, `[{"x":{"a":1,"\u0061":2}}]`, `{"":1,"":2}`, "{" + strings.Join(many, ",") + "}"} {
		if value, err := readValue([]byte(text)); err == nil || !strings.Contains(err.Error(), "twice in one object") {
			t.Errorf("%s: found %v and %v, expected a refusal", text, value, err)
		}
	}
}

func TestASetIsWrittenSortedAndAKeyThatIsNoStringAsItsJSON(t *testing.T) {
	for term, expected := range map[string]string{
		`{3, 1, "b", "a", [2], null, true}`:     `[null,true,1,3,"a","b",[2]]`,
		`{1: "x", "z": {2, 1}, [1, "q"]: null}`: `{"1":"x","[1,\"q\"]":null,"z":[1,2]}`,
		`{}`:                                    `{}`,
		`set()`:                                 `[]`,
		`"<&>\u2028"`:                           "\"<&>\u2028\"",
	} {
		actual, err := appendValue(nil, ast.MustParseTerm(term).Value)
		if err != nil || expected != string(actual) {
			t.Errorf("%s: found %s (%v), expected %s", term, actual, err, expected)
		}
		if !json.Valid(actual) {
			t.Errorf("%s: found invalid JSON %s", term, actual)
		}
	}
	if out, err := appendValue(nil, ast.MustParseTerm(`{1: "x", "1": "y"}`).Value); err == nil {
		t.Errorf("found %s for keys that are one key in JSON, expected an error", out)
	}
}

// testData is the folder of the shared test data.
func testData() string {
	if folder := os.Getenv("GATE_TEST_DATA"); folder != "" {
		return folder
	}
	return filepath.Join("..", "..", "shared", "data")
}

// files are the files of a folder of the test data that end in one of `extensions`. Without the
// data the test is skipped, with GATE_REQUIRE_ALL=1 it fails.
func files(t testing.TB, folder string, extensions ...string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(filepath.Join(testData(), folder), func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			for _, extension := range extensions {
				if strings.HasSuffix(path, extension) {
					list = append(list, path)
				}
			}
		}
		return err
	})
	if err != nil {
		if os.Getenv("GATE_REQUIRE_ALL") == "1" {
			t.Fatalf("test data: %v", err)
		}
		t.Skipf("test data: %v; set GATE_TEST_DATA to its folder", err)
	}
	return list
}
