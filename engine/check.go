package main

// Many documents against one bundle, on all cores.

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"
)

// evaluateMany answers with one result for each overlay, in their order. The body is the base
// document and then `count` overlays, each with its length (uint32, big-endian) before it.
func (s *server) evaluateMany(r request) func() ([]byte, error) {
	var header evaluateHeader
	if err := decodeHeader(r.header, &header); err != nil {
		return func() ([]byte, error) { return nil, err }
	}
	ctx, cancel := header.deadline()
	return func() ([]byte, error) {
		defer cancel()
		if len(header.InputOverlay) > 0 {
			return nil, fail(badRequest, "header: found input_overlay, expected the overlays in the body")
		}
		e, err := s.evaluationOf(&header)
		if err != nil {
			return nil, err
		}
		if header.Count == nil || *header.Count < 0 {
			return nil, fail(badRequest, "header: found no count, expected the number of overlays")
		}
		texts, err := parts(r.body, *header.Count+1)
		if err != nil {
			return nil, err
		}
		base, err := readInput(texts[0])
		if err != nil {
			return nil, err
		}
		overlays := texts[1:]
		answers := make([][]byte, len(overlays))
		onAllCores(len(overlays), func(i int) { answers[i] = s.one(ctx, e, base, overlays[i]) })
		return joined(`{"results":[`, answers, "]}"), nil
	}
}

// one is the answer for one overlay: its results, or its error.
func (s *server) one(ctx context.Context, e *evaluation, base ast.Value, overlay []byte) []byte {
	out, err := s.guarded(func() ([]byte, error) {
		input, err := overlaid(base, overlay)
		if err != nil {
			return nil, err
		}
		out, err := s.run(ctx, e, input, nil)
		return append(out, '}'), err
	})
	if err == nil {
		return out
	}
	return encoded(struct {
		Error *failure `json:"error"`
	}{failureOf(err)})
}

// parts cuts a body into its parts, each with its length before it.
func parts(body []byte, count int) ([][]byte, error) {
	// Each part takes four bytes at least; a count beyond that must not reserve memory.
	list := make([][]byte, 0, min(count, len(body)/4+1))
	for i := range count {
		if len(body) < 4 {
			return nil, fail(badRequest, fmt.Sprintf("body: found %d documents, expected %d", i, count))
		}
		size := binary.BigEndian.Uint32(body)
		body = body[4:]
		if uint64(size) > uint64(len(body)) {
			return nil, fail(badRequest, fmt.Sprintf("body: found document %d to be %d bytes, expected at most the %d there are", i, size, len(body)))
		}
		list = append(list, body[:size:size])
		body = body[size:]
	}
	if len(body) > 0 {
		return nil, fail(badRequest, fmt.Sprintf("body: found %d bytes after the last document, expected none", len(body)))
	}
	return list, nil
}
