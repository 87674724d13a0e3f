package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

func cutOf(text string, oneByOne bool, paths ...[]string) (cutAnswer, error) {
	in := strings.NewReader(text)
	if oneByOne {
		answer, _, _, err := cutStream(iotest.OneByteReader(in), paths)
		return answer, err
	}
	answer, _, _, err := cutStream(in, paths)
	return answer, err
}

func sumOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// elementsOf is the elements of the pieces of one array, as they stand in the text; it checks their digests.
func elementsOf(t *testing.T, text string, array cutArray) []json.RawMessage {
	t.Helper()
	all := []json.RawMessage{}
	for _, one := range array.Pieces {
		part := text[one.Offset : one.Offset+one.Bytes]
		if sumOf(part) != one.SHA256 {
			t.Errorf("%v at %d: the digest is of something else", array.Path, one.Offset)
		}
		before := text[:one.Offset]
		if line := int64(strings.Count(before, "\n") + 1); line != one.Line {
			t.Errorf("%v at %d: expected line %d, found %d", array.Path, one.Offset, line, one.Line)
		}
		if column := one.Offset - int64(strings.LastIndexByte(before, '\n')); column != one.Column {
			t.Errorf("%v at %d: expected column %d, found %d", array.Path, one.Offset, column, one.Column)
		}
		var some []json.RawMessage
		if err := json.Unmarshal([]byte("["+part+"]"), &some); err != nil {
			t.Fatalf("%v at %d: %v", array.Path, one.Offset, err)
		}
		if len(some) != one.Elements {
			t.Errorf("%v at %d: expected %d elements, found %d", array.Path, one.Offset, one.Elements, len(some))
		}
		all = append(all, some...)
	}
	return all
}

var resultsOfRuns = []string{"runs", "*", "results"}

func TestElementsAreToldByTheirPlacesAndTheFirstStays(t *testing.T) {
	text := "\ufeff {\"v\": [1, 2],\n \"runs\": [{\"results\": [ {\"a\": \"ä\"} ,\n [3], \"x\"   \n ], \"tool\": {\"results\": [5, 6]}},\n{\"results\": []}, {\"results\": null}]} "
	for _, oneByOne := range []bool{false, true} {
		answer, err := cutOf(text, oneByOne, resultsOfRuns)
		if err != nil {
			t.Fatal(err)
		}
		document := `{"v":[1,2],"runs":[{"results":[{"a":"ä"}],"tool":{"results":[5,6]}},{"results":[]},{"results":null}]}`
		if document != string(answer.Document) {
			t.Errorf("expected %s\nfound    %s", document, answer.Document)
		}
		if answer.Bytes != int64(len(text)) || answer.SHA256 != sumOf(text) {
			t.Errorf("expected %d bytes of %s, found %d of %s", len(text), sumOf(text), answer.Bytes, answer.SHA256)
		}
		if len(answer.Arrays) != 2 {
			t.Fatalf("expected 2 arrays, found %v", answer.Arrays)
		}
		if path := []any{"runs", 0, "results"}; !reflect.DeepEqual(path, answer.Arrays[0].Path) {
			t.Errorf("expected %v, found %v", path, answer.Arrays[0].Path)
		}
		elements := fmt.Sprintf("%s", elementsOf(t, text, answer.Arrays[0]))
		if expected := `[{"a": "ä"} [3] "x"]`; expected != elements {
			t.Errorf("expected %s, found %s", expected, elements)
		}
		if found := elementsOf(t, text, answer.Arrays[1]); len(found) != 0 {
			t.Errorf("expected no elements, found %s", found)
		}
	}
}

func TestManyElementsMakePiecesOfSomeSizeAndALongOneIsAPieceByItself(t *testing.T) {
	var text strings.Builder
	text.WriteString(`{"runs":[{"results":[`)
	const number = 3000
	for i := range number {
		fmt.Fprintf(&text, "{\"n\": %d, \"text\": %q},\n", i, strings.Repeat("x", 300))
	}
	fmt.Fprintf(&text, `{"n": %d, "text": %q}]}]}`, number, strings.Repeat("y", 3*cutPiece))
	answer, err := cutOf(text.String(), false, resultsOfRuns)
	if err != nil {
		t.Fatal(err)
	}
	found := elementsOf(t, text.String(), answer.Arrays[0])
	for i, one := range found {
		if !strings.HasPrefix(string(one), fmt.Sprintf(`{"n": %d,`, i)) {
			t.Fatalf("element %d is %.40s", i, one)
		}
	}
	if len(found) != number+1 {
		t.Errorf("expected %d elements, found %d", number+1, len(found))
	}
	for _, one := range answer.Arrays[0].Pieces[:3] {
		if one.Bytes < cutPiece || one.Bytes > cutPiece+400 {
			t.Errorf("expected a piece of about %d bytes, found %d", cutPiece, one.Bytes)
		}
	}
}

// Whoever cuts is as strict as whoever counts, and the elements are those of the text.
func FuzzCut(f *testing.F) {
	for _, text := range []string{`{"runs":[{"results":[{"level":"a"},{}]}]}`, `{"runs":[{"results":[1e5,-0.5,"\ud83d\ude00"]}]}`, `{"runs":[{"results":[[{"a":1,"a":2}]]}]}`, `{"runs":{"results":[1]}}`, `{"runs":[{"results":[1,]}]}`, `01`, ``} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, tallyErr := tallyOf(t, text, `[]`, false)
		whole, err := cutOf(text, false, resultsOfRuns)
		slow, slowErr := cutOf(text, true, resultsOfRuns)
		if (err == nil) != (tallyErr == nil) || (err == nil) != (slowErr == nil) {
			t.Fatalf("%q: found %v, byte by byte %v and uncut %v", text, err, slowErr, tallyErr)
		}
		if err != nil {
			return
		}
		if string(whole.Document) != string(slow.Document) {
			t.Fatalf("%q: found %s and %s", text, whole.Document, slow.Document)
		}
		if whole.SHA256 != slow.SHA256 || len(whole.Arrays) != len(slow.Arrays) {
			t.Fatalf("%q: found %v and %v", text, whole, slow)
		}
		for i, array := range whole.Arrays {
			found, again := elementsOf(t, text, array), elementsOf(t, text, slow.Arrays[i])
			if fmt.Sprintf("%s", found) != fmt.Sprintf("%s", again) {
				t.Fatalf("%q: found %s and %s", text, found, again)
			}
		}
	})
}
