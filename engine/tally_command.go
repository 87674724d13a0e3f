package main

// `gate-opa tally` and what it has in common with `gate-opa cut`: one document from its stream, one answer.

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
)

// document reads the one document there is; where it is refused it tells the place.
func (t *tallier) document(s *shape) (line, column int64, err error) {
	defer func() { line, column = t.place() }()
	for len(t.buffer) < 3 && t.fill() { // a pipe may give less at first
	}
	if bytes.HasPrefix(t.buffer, []byte("\xef\xbb\xbf")) {
		t.at = 3
	}
	if err = t.value(s, 0); err != nil {
		return
	}
	if char, ok := t.next(); ok {
		err = t.refuse("report_not_json", "found %q after the document", char)
	}
	return
}

// place is the 1-based line and column, in bytes, of what is read next.
func (t *tallier) place() (line, column int64) {
	before := t.buffer[:t.at]
	line = t.lines + int64(bytes.Count(before, []byte("\n"))) + 1
	start := bytes.LastIndexByte(before, '\n')
	if start < 0 {
		return line, t.column + int64(len(before)) + 1
	}
	return line, int64(len(before) - start)
}

// tallyCommand is `gate-opa tally [--memory-limit-mib N] ARRAYS`: ARRAYS is JSON, the document comes on
// standard input, the answer or the error is one JSON object on standard output.
func tallyCommand(args []string, in io.Reader, out io.Writer) int {
	flags := flag.NewFlagSet("gate-opa tally", flag.ExitOnError)
	memoryLimitMiB := flags.Int("memory-limit-mib", 192, "the process ends with code 77 above this")
	_ = flags.Parse(args) // ExitOnError
	var arrays []tallied
	if flags.NArg() != 1 || json.Unmarshal([]byte(flags.Arg(0)), &arrays) != nil {
		usage("found no list of arrays after tally")
	}
	limitMemory(*memoryLimitMiB)
	answer, line, column, err := tallyStream(in, arrays)
	return streamAnswer(out, answer, line, column, err)
}

// streamAnswer writes what a stream came to, or why it was refused; it gives the exit code.
func streamAnswer(out io.Writer, answer any, line, column int64, err error) int {
	if err == nil {
		_ = json.NewEncoder(out).Encode(answer)
		return 0
	}
	told := tallyError{code: "report_unreadable", message: err.Error()}
	if known := (*tallyError)(nil); errors.As(err, &known) {
		told = *known
	}
	_ = json.NewEncoder(out).Encode(map[string]any{
		"code": told.code, "message": told.message, "line": line, "column": column,
	})
	return 1
}
