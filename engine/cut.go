package main

// A JSON document of any size, cut at the elements of its long arrays: read once and judged as a whole,
// then handed on piece by piece by whoever has the file. Memory is bounded by what lies outside of these
// arrays, the first element of each and the largest single string.
//
// Each piece has its digest: what is read later is what was judged here, or it is noticed.

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"hash"
	"hash/maphash"
	"io"
	"slices"
)

// cutPiece is how many bytes of elements make a piece; a longer element is one by itself.
const cutPiece = 256 << 10

// A piece is some elements that follow one another, with the commas between them.
type piece struct {
	Offset   int64  `json:"offset"`
	Bytes    int64  `json:"bytes"`
	Elements int    `json:"elements"`
	Line     int64  `json:"line"`
	Column   int64  `json:"column"`
	SHA256   string `json:"sha256"`
}

// A cutArray is one array of the document that is left, where it holds its first element only.
type cutArray struct {
	Path   []any   `json:"path"`
	Pieces []piece `json:"pieces"`
}

type cutAnswer struct {
	Document json.RawMessage `json:"document"`
	Arrays   []cutArray      `json:"arrays"`
	Bytes    int64           `json:"bytes"`
	SHA256   string          `json:"sha256"`
}

// A cutter notes the pieces while a tallier reads.
type cutter struct {
	arrays []cutArray
	piece  piece
	// sum is fed with the piece as far as `fed`; nil between two pieces.
	sum hash.Hash
	fed int64
}

func (c *cutter) open(t *tallier) {
	c.arrays = append(c.arrays, cutArray{slices.Clone(t.path), []piece{}})
}

func (c *cutter) begin(t *tallier) {
	if c.sum != nil {
		return
	}
	line, column := t.place()
	c.fed = t.consumed + int64(t.at)
	c.piece = piece{Offset: c.fed, Line: line, Column: column}
	c.sum = sha256.New()
}

func (c *cutter) end(t *tallier) {
	c.piece.Elements++
	c.feed(t)
	if c.fed-c.piece.Offset >= cutPiece {
		c.close()
	}
}

// feed adds what was read since to the digest of the piece.
func (c *cutter) feed(t *tallier) {
	if c.sum == nil {
		return
	}
	c.sum.Write(t.buffer[c.fed-t.consumed : t.at])
	c.fed = t.consumed + int64(t.at)
}

// close ends the piece, if there is one, and with it what may follow in the array.
func (c *cutter) close() {
	if c.sum == nil {
		return
	}
	// White space after the last element may belong to it.
	c.piece.Bytes = c.fed - c.piece.Offset
	c.piece.SHA256 = hex.EncodeToString(c.sum.Sum(nil))
	array := &c.arrays[len(c.arrays)-1]
	array.Pieces = append(array.Pieces, c.piece)
	c.sum = nil
}

// cutStream cuts the document of `in` at the arrays that lie at `paths`.
func cutStream(in io.Reader, paths [][]string) (answer cutAnswer, line, column int64, err error) {
	sum := sha256.New()
	t := &tallier{in: io.TeeReader(in, sum), seed: maphash.MakeSeed()}
	t.cut.arrays = []cutArray{}
	root := &shape{isEnvelope: true}
	for _, path := range paths {
		at := root
		for _, name := range path {
			at = at.below(name, true)
		}
		at.isCut = true
	}
	if line, column, err = t.document(root); err == nil {
		answer = cutAnswer{t.out, t.cut.arrays, t.consumed + int64(len(t.buffer)), hex.EncodeToString(sum.Sum(nil))}
	}
	return
}

// cutCommand is `gate-opa cut [--memory-limit-mib N] PATHS`: PATHS is JSON, the document comes on standard
// input, the answer or the error is one JSON object on standard output.
func cutCommand(args []string, in io.Reader, out io.Writer) int {
	flags := flag.NewFlagSet("gate-opa cut", flag.ExitOnError)
	memoryLimitMiB := flags.Int("memory-limit-mib", 192, "the process ends with code 77 above this")
	_ = flags.Parse(args) // ExitOnError
	var paths [][]string
	if flags.NArg() != 1 || json.Unmarshal([]byte(flags.Arg(0)), &paths) != nil {
		usage("found no list of paths after cut")
	}
	limitMemory(*memoryLimitMiB)
	answer, line, column, err := cutStream(in, paths)
	return streamAnswer(out, answer, line, column, err)
}
