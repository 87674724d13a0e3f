package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
)

// slowly writes one piece at a time, each only when told to.
type slowly struct {
	pieces  chan []byte
	release chan struct{}
}

func (s slowly) Write(piece []byte) (int, error) {
	s.pieces <- bytes.Clone(piece)
	<-s.release
	return len(piece), nil
}

func TestAnswersThatAreReadyTogetherGoOutTogetherAndLargeOnesAsTheyAre(t *testing.T) {
	out := slowly{make(chan []byte), make(chan struct{})}
	a := &answers{out: out}
	var sending sync.WaitGroup
	sending.Go(func() { a.send([]byte("first")) })
	first := <-out.pieces
	large := strings.Repeat("x", joinedBytes)
	for _, frame := range []string{"a", "b", large, "c"} { // somebody is sending: none of these waits
		a.send([]byte(frame))
	}
	out.release <- struct{}{}
	found := []string{string(first)}
	for range 3 {
		found = append(found, string(<-out.pieces))
		out.release <- struct{}{}
	}
	sending.Wait()
	if expected := []string{"first", "ab", large, "c"}; fmt.Sprint(expected) != fmt.Sprint(found) {
		t.Errorf("found %.200q, expected %.200q", found, expected)
	}
}

func TestEveryAnswerGoesOutWholeAndOnce(t *testing.T) {
	in, out := io.Pipe()
	a := &answers{out: out}
	const count = 2_000
	var sending sync.WaitGroup
	for i := range count {
		sending.Go(func() { a.send(fmt.Appendf(nil, "<%d%s>", i, strings.Repeat(".", i%300))) })
	}
	go func() {
		sending.Wait()
		out.Close()
	}()
	text, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for frame := range strings.SplitSeq(strings.Trim(string(text), "<>"), "><") {
		seen[frame] = true
	}
	for i := range count {
		if !seen[fmt.Sprintf("%d%s", i, strings.Repeat(".", i%300))] {
			t.Fatalf("found no answer %d", i)
		}
	}
	if len(seen) != count {
		t.Errorf("found %d answers, expected %d", len(seen), count)
	}
}
