package main

// The nodes of a YAML document, held against the value that the cluster's reader made of it.

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	yamlnode "go.yaml.in/yaml/v3"
	"sigs.k8s.io/yaml"
)

// A nodeError is something wrong at a node.
type nodeError struct {
	node    *yamlnode.Node
	message string
}

// A walker counts what a document becomes when its aliases are followed.
type walker struct {
	limits   manifestLimits
	expanded map[*yamlnode.Node]extent // without a count while the node is being counted
}

// An extent is how many nodes there are in a node, itself included, and how deep its collections nest.
type extent struct{ count, height int }

// expand looks at each node once, however often aliases lead to it.
func (w *walker) expand(node *yamlnode.Node, depth int) (extent, *nodeError) {
	node = followed(node)
	if len(node.Content) == 0 {
		return extent{1, 0}, nil
	}
	known, isKnown := w.expanded[node]
	if isKnown && known.count == 0 {
		return known, &nodeError{node, "found an alias to what contains it, expected no cycles"}
	}
	if depth+max(known.height-1, 0) > w.limits.Depth {
		return known, &nodeError{node, fmt.Sprintf("found nesting deeper than %d, expected at most that", w.limits.Depth)}
	}
	if isKnown {
		return known, nil
	}
	w.expanded[node] = extent{}
	total := extent{1, 1}
	for _, child := range node.Content {
		inner, err := w.expand(child, depth+1)
		if err != nil {
			return total, err
		}
		total.height = max(total.height, inner.height+1)
		if total.count += inner.count; total.count > w.limits.Nodes {
			return total, &nodeError{node, fmt.Sprintf("found more than %d nodes with aliases followed, expected at most that", w.limits.Nodes)}
		}
	}
	w.expanded[node] = total
	return total, nil
}

// matches is nil if `node`, its aliases followed and its merges done, has the shape of `value`.
func matches(node *yamlnode.Node, value ast.Value) *nodeError {
	node = followed(node)
	differs := func(found string) *nodeError {
		return &nodeError{node, "found " + found + ", expected the YAML readers to agree; write it more plainly"}
	}
	switch value := value.(type) {
	case ast.Object:
		if node.Kind != yamlnode.MappingNode {
			return differs("a mapping that is none to both YAML readers")
		}
		members, err := membersOf(node)
		if err != nil {
			return err
		}
		if len(members) != value.Len() {
			return differs("keys that are one key in JSON")
		}
		for _, m := range members {
			inner := value.Get(ast.StringTerm(m.name))
			if inner == nil {
				return &nodeError{m.key, fmt.Sprintf("found key %.80q, expected the YAML readers to agree on it; quote it", m.name)}
			}
			if err := matches(m.value, inner.Value); err != nil {
				return err
			}
		}
	case *ast.Array:
		if node.Kind != yamlnode.SequenceNode || len(node.Content) != value.Len() {
			return differs("a list that is another to each YAML reader")
		}
		for i, child := range node.Content {
			if err := matches(child, value.Elem(i).Value); err != nil {
				return err
			}
		}
	case ast.String:
		if node.Kind != yamlnode.ScalarNode || node.Value != string(value) && node.Tag != "!!binary" {
			return differs("a text that is another to each YAML reader")
		}
	default:
		if node.Kind != yamlnode.ScalarNode {
			return differs("a value that is another to each YAML reader")
		}
	}
	return nil
}

func followed(node *yamlnode.Node) *yamlnode.Node {
	for node.Kind == yamlnode.AliasNode {
		node = node.Alias
	}
	return node
}

type member struct {
	name       string
	key, value *yamlnode.Node
}

// membersOf lists the members of a mapping by their JSON names, merged ones (`<<`) too. A name that
// stands twice stays twice: strict values have none, so the counts then differ.
func membersOf(node *yamlnode.Node) ([]member, *nodeError) {
	list := make([]member, 0, len(node.Content)/2)
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if key.Kind == yamlnode.ScalarNode && key.Tag == "!!merge" {
			merged := []*yamlnode.Node{followed(value)}
			if merged[0].Kind == yamlnode.SequenceNode {
				merged = merged[0].Content
			}
			for _, each := range merged {
				if each = followed(each); each.Kind != yamlnode.MappingNode {
					return nil, &nodeError{key, "found a merge of what is no mapping, expected a mapping"}
				}
				inner, err := membersOf(each)
				if err != nil {
					return nil, err
				}
				list = append(list, inner...)
			}
			continue
		}
		name, err := keyName(followed(key))
		if err != nil {
			return nil, &nodeError{key, err.Error()}
		}
		list = append(list, member{name, key, value})
	}
	return list, nil
}

// keyName is the JSON name of a key: text as it is, anything else as the cluster's reader writes it.
func keyName(key *yamlnode.Node) (string, error) {
	if key.Kind != yamlnode.ScalarNode {
		return "", errors.New("found a key that is no scalar, expected text")
	}
	quoted := key.Style&(yamlnode.SingleQuotedStyle|yamlnode.DoubleQuotedStyle|yamlnode.LiteralStyle|yamlnode.FoldedStyle) != 0
	if key.Style&yamlnode.TaggedStyle != 0 && key.Tag != "!!str" {
		return "", fmt.Errorf("found a key with the tag %.80q, expected none; quote the key", key.Tag)
	}
	// Only these can start what YAML 1.1 takes for a number, a boolean or null.
	if quoted || key.Tag == "!!str" && (key.Style&yamlnode.TaggedStyle != 0 || !strings.ContainsAny(firstByte(key.Value), "+-.0123456789yYnNtTfFoO~")) {
		return key.Value, nil
	}
	text, err := yaml.YAMLToJSON([]byte(key.Value + ": 0"))
	var names map[string]int
	if err == nil {
		err = json.Unmarshal(text, &names)
	}
	if err != nil || len(names) != 1 {
		return "", fmt.Errorf("found key %.80q, expected one that reads as one key; quote it", key.Value)
	}
	for name := range names {
		return name, nil
	}
	panic("unreachable")
}

func firstByte(text string) string { return text[:min(1, len(text))] }
