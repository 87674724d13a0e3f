package main

// The images that an object would run or mount, as gate/admission/images.py finds them in the objects of a
// cluster; tests/admission holds both against each other.

import (
	"strconv"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// A use is one image at one place of an object.
type use struct{ image, path string }

var (
	containerLists = terms("initContainers", "containers", "ephemeralContainers")
	keyImage       = ast.StringTerm("image")
	keyVolumes     = ast.StringTerm("volumes")
	keyReference   = ast.StringTerm("reference")
	keyKind        = ast.StringTerm("kind")
	keyAPIVersion  = ast.StringTerm("apiVersion")

	ofTemplate = terms("spec", "template", "spec")
	// specAt is where a kind of Kubernetes' own has its pod; any other object is searched whole.
	specAt = map[string][]*ast.Term{
		"Pod":                   terms("spec"),
		"PodTemplate":           terms("template", "spec"),
		"Deployment":            ofTemplate,
		"ReplicaSet":            ofTemplate,
		"StatefulSet":           ofTemplate,
		"DaemonSet":             ofTemplate,
		"ReplicationController": ofTemplate,
		"Job":                   ofTemplate,
		"CronJob":               terms("spec", "jobTemplate", "spec", "template", "spec"),
	}
)

// uses are the images that the review would let in: all of a new object, of a changed one those that the
// object before does not use at all.
func (r *askedReview) uses() []use {
	object := r.judged.Value.(ast.Object)
	found := usesOf(object)
	before, ok := memberOf(r.request, keyOldObject).Value.(ast.Object)
	if r.operation == "CREATE" || !ok {
		return found
	}
	known := map[string]bool{}
	for _, one := range usesOf(before) {
		known[one.image] = true
	}
	var fresh []use
	for _, one := range found {
		if !known[one.image] {
			fresh = append(fresh, one)
		}
	}
	return fresh
}

func usesOf(object ast.Object) []use {
	var found []use
	kind, _ := memberOf(object, keyKind).Value.(ast.String)
	steps, builtIn := specAt[string(kind)]
	switch version, _ := memberOf(object, keyAPIVersion).Value.(ast.String); version {
	case "v1", "apps/v1", "batch/v1":
	default:
		builtIn = false
	}
	if !builtIn {
		return usesAnywhere(found, object, "")
	}
	spec, at := object, ""
	for _, step := range steps {
		below, ok := memberOf(spec, step).Value.(ast.Object)
		if !ok {
			return nil
		}
		spec, at = below, at+"/"+string(step.Value.(ast.String))
	}
	return usesOfSpec(found, spec, at)
}

func usesOfSpec(found []use, spec ast.Object, at string) []use {
	for _, list := range containerLists {
		found = usesOfList(found, spec, list, at, "/image", keyImage)
	}
	return usesOfList(found, spec, keyVolumes, at, "/image/reference", keyImage, keyReference)
}

// usesOfList are the texts at `keys` in the elements of one list; an image that is empty is none.
func usesOfList(found []use, spec ast.Object, list *ast.Term, at, tail string, keys ...*ast.Term) []use {
	elements, ok := memberOf(spec, list).Value.(*ast.Array)
	if !ok {
		return found
	}
	for i := range elements.Len() {
		value := elements.Elem(i).Value
		for _, key := range keys {
			object, ok := value.(ast.Object)
			if !ok {
				value = nil
				break
			}
			value = memberOf(object, key).Value
		}
		if image, ok := value.(ast.String); ok && image != "" {
			found = append(found, use{string(image), at + "/" + string(list.Value.(ast.String)) + "/" + strconv.Itoa(i) + tail})
		}
	}
	return found
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

// usesAnywhere are those of whatever looks like a pod's spec at any depth, as operators' own kinds carry them.
func usesAnywhere(found []use, value ast.Value, at string) []use {
	switch value := value.(type) {
	case ast.Object:
		found = usesOfSpec(found, value, at)
		value.Foreach(func(key, part *ast.Term) {
			found = usesAnywhere(found, part.Value, at+"/"+pointerEscapes.Replace(string(key.Value.(ast.String))))
		})
	case *ast.Array:
		for i := range value.Len() {
			found = usesAnywhere(found, value.Elem(i).Value, at+"/"+strconv.Itoa(i))
		}
	}
	return found
}

func appendUses(out []byte, uses []use) []byte {
	for i, one := range uses {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(appendString(append(out, '['), one.image), ',')
		out = append(appendString(out, one.path), ']')
	}
	return out
}
