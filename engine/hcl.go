package main

// HCL to the JSON that Conftest's rules know: by the library that Conftest reads it with.
//
// The library's parser recurses, so the tokens are counted before: a stack that overflows would end the
// process. Where a name or a key is given twice, the library keeps the last in silence; here it is refused.

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/tmccombs/hcl2json/convert"
	"github.com/zclconf/go-cty/cty"
)

type hclLimits struct {
	Bytes     int `json:"bytes"`
	Depth     int `json:"depth"`
	Operators int `json:"operators"`
}

var defaultHCLLimits = hclLimits{Bytes: 10 << 20, Depth: 100, Operators: 20_000}

// hcl answers with the value of one HCL file.
func (s *server) hcl(r request) ([]byte, error) {
	header := struct {
		Limits hclLimits `json:"limits"`
	}{Limits: defaultHCLLimits}
	if err := decodeHeader(r.header, &header); err != nil {
		return nil, err
	}
	value, err := readHCL(r.body, header.Limits)
	if err != nil {
		return nil, err
	}
	return encoded(struct {
		Value json.RawMessage `json:"value"`
	}{value}), nil
}

// readHCL is the JSON of an HCL file, as hcl2json writes it.
func readHCL(text []byte, limits hclLimits) ([]byte, error) {
	start := hcl.InitialPos
	if len(text) > limits.Bytes {
		return nil, hclFailure(text, start, fmt.Sprintf("found %d bytes, expected at most %d", len(text), limits.Bytes))
	}
	if !utf8.Valid(text) {
		return nil, hclFailure(nil, start, "found bytes that are no UTF-8, expected a text in UTF-8")
	}
	if err := boundedHCL(text, limits); err != nil {
		return nil, err
	}
	file, problems := hclsyntax.ParseConfig(text, "", start)
	for _, found := range problems {
		if found.Severity != hcl.DiagError {
			continue
		}
		if found.Subject != nil {
			start = found.Subject.Start
		}
		return nil, hclFailure(text, start, found.Summary+": "+found.Detail)
	}
	if err := unambiguousHCL(text, file.Body.(*hclsyntax.Body)); err != nil {
		return nil, err
	}
	value, err := convert.File(file, convert.Options{})
	if err != nil {
		return nil, hclFailure(text, start, err.Error())
	}
	// As Conftest does: a number that float64 cannot hold is an error.
	var read any
	if err := json.Unmarshal(value, &read); err != nil {
		return nil, hclFailure(text, start, err.Error())
	}
	return value, nil
}

// boundedHCL refuses what nests or chains deeper than the limits, by the tokens alone.
func boundedHCL(text []byte, limits hclLimits) error {
	tokens, _ := hclsyntax.LexConfig(text, "", hcl.InitialPos) // the parser tells its problems better
	depth, operators := 0, 0
	for _, token := range tokens {
		switch token.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc,
			hclsyntax.TokenTemplateInterp:
			depth++
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc:
			depth--
		case hclsyntax.TokenTemplateControl:
			depth++
			operators++
		case hclsyntax.TokenTemplateSeqEnd:
			depth--
		case hclsyntax.TokenBang, hclsyntax.TokenMinus, hclsyntax.TokenQuestion, hclsyntax.TokenPlus, hclsyntax.TokenStar,
			hclsyntax.TokenSlash, hclsyntax.TokenPercent, hclsyntax.TokenAnd, hclsyntax.TokenOr, hclsyntax.TokenEqualOp,
			hclsyntax.TokenNotEqual, hclsyntax.TokenLessThan, hclsyntax.TokenLessThanEq, hclsyntax.TokenGreaterThan,
			hclsyntax.TokenGreaterThanEq:
			operators++
		}
		if depth > limits.Depth {
			return hclFailure(text, token.Range.Start, fmt.Sprintf("found it nested too deep, expected at most %d levels", limits.Depth))
		}
		if operators > limits.Operators {
			return hclFailure(text, token.Range.Start, fmt.Sprintf("found too many operators, expected at most %d", limits.Operators))
		}
	}
	return nil
}

// unambiguousHCL refuses a body with an attribute and a block of one name, and a key given twice.
func unambiguousHCL(text []byte, body *hclsyntax.Body) error {
	var twice error
	_ = hclsyntax.VisitAll(body, func(node hclsyntax.Node) hcl.Diagnostics {
		if twice != nil {
			return nil
		}
		switch node := node.(type) {
		case *hclsyntax.Body:
			for _, block := range node.Blocks {
				if node.Attributes[block.Type] != nil {
					twice = hclFailure(text, block.TypeRange.Start, fmt.Sprintf("found the block %.80q beside an argument of this name, expected one of them", block.Type))
				}
			}
		case *hclsyntax.ObjectConsExpr:
			seen := map[string]bool{}
			for _, item := range node.Items {
				key, problems := item.KeyExpr.Value(nil)
				if problems.HasErrors() || !key.IsKnown() || key.IsNull() || key.Type() != cty.String {
					continue
				}
				if seen[key.AsString()] {
					twice = hclFailure(text, item.KeyExpr.Range().Start, fmt.Sprintf("found the key %.80q twice, expected it once", key.AsString()))
				}
				seen[key.AsString()] = true
			}
		}
		return nil
	})
	return twice
}

// hclFailure is a failure at a place, its column in characters.
func hclFailure(text []byte, at hcl.Pos, message string) *failure {
	before := text[:min(at.Byte, len(text))]
	start := len(before)
	for start > 0 && before[start-1] != '\n' {
		start--
	}
	p := problem{Code: configurationError, Message: message, Line: at.Line, Column: utf8.RuneCount(before[start:]) + 1}
	if line, ok := lineOf(string(text[start:]), 1); ok {
		p.Caret = caret(line, min(p.Column, utf8.RuneCountInString(line)+1))
	}
	return fail(configurationError, fmt.Sprintf("%d:%d: %s", p.Line, p.Column, message), p)
}
