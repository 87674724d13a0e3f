package main

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

func tallyOf(t *testing.T, text, arrays string, oneByOne bool) (tallyAnswer, error) {
	t.Helper()
	var asked []tallied
	if err := json.Unmarshal([]byte(arrays), &asked); err != nil {
		t.Fatal(err)
	}
	in := strings.NewReader(text)
	if oneByOne {
		answer, _, _, err := tallyStream(iotest.OneByteReader(in), asked)
		return answer, err
	}
	answer, _, _, err := tallyStream(in, asked)
	return answer, err
}

const runs = `[{"path": ["runs", "*", "results"], "keep": [{"at": ["level"]}, {"at": ["at", "*", "id"], "as": "x"}, {"at": ["text"], "prefix": "P: "}]}]`

func TestElementsThatAreEqualInWhatIsKeptAreCounted(t *testing.T) {
	text := ` {"v": [1, {"a": "b"}], "runs": [{"results": [
		{"level": "high", "text": "one", "at": [{"id": "1", "no": 2}]},
		{"no": {"level": 1}, "level": "high", "text": "two", "at": [{"id": "2"}]},
		{"level": "low", "text": "P: three", "\u006cevels": 1}
	], "tool": {"results": [1, 1]}}, {"results": []}]} `
	for _, oneByOne := range []bool{false, true} {
		answer, err := tallyOf(t, text, runs, oneByOne)
		if err != nil {
			t.Fatal(err)
		}
		document := `{"v":[1,{"a":"b"}],"runs":[{"results":[{"level":"high","at":[{"id":"x"}]},` +
			`{"level":"low","text":"P: three"}],"tool":{"results":[1,1]}},{"results":[]}]}`
		if document != string(answer.Document) {
			t.Errorf("expected %s\nfound    %s", document, answer.Document)
		}
		arrays := []tally{
			{[]any{"runs", 0, "results"}, []int64{2, 1}},
			{[]any{"runs", 1, "results"}, []int64{}},
		}
		if !reflect.DeepEqual(arrays, answer.Arrays) {
			t.Errorf("expected %v, found %v", arrays, answer.Arrays)
		}
		if answer.Bytes != int64(len(text)) {
			t.Errorf("expected %d bytes, found %d", len(text), answer.Bytes)
		}
	}
}

func TestAWrongShapeInPlaceOfWhatIsKeptStaysVisible(t *testing.T) {
	answer, err := tallyOf(t, `{"runs": [{"results": [{"level": {"a": [1]}}, 5, "x", [1]]}]}`, runs, false)
	if err != nil {
		t.Fatal(err)
	}
	if expected := `{"runs":[{"results":[{"level":{"a":[1]}},5,"x",[]]}]}`; expected != string(answer.Document) {
		t.Errorf("expected %s, found %s", expected, answer.Document)
	}
}

// What encoding/json refuses is refused; each text is read whole and byte by byte.
func FuzzTally(f *testing.F) {
	for _, text := range []string{`{"runs":[{"results":[{"level":"a"},{}]}]}`, `[1e5,-0.5,"\ud83d\ude00"]`, `{"a":{"b":[]}}`, `01`, `"\x"`, ``} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		whole, err := tallyOf(t, text, runs, false)
		slow, slowErr := tallyOf(t, text, runs, true)
		if (err == nil) != (slowErr == nil) {
			t.Fatalf("%q: found %v and byte by byte %v", text, err, slowErr)
		}
		if err != nil {
			return
		}
		if !json.Valid([]byte(strings.TrimPrefix(text, "\ufeff"))) {
			t.Fatalf("%q is no JSON and was read", text)
		}
		if !json.Valid(whole.Document) || string(whole.Document) != string(slow.Document) {
			t.Fatalf("%q: found %s and %s", text, whole.Document, slow.Document)
		}
	})
}
