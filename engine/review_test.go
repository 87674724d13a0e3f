package main

import (
	"strings"
	"testing"
)

const reviewModule = `package policy.pods
deny contains input.object.metadata.name if input.object.spec.bad
deny contains input.request.userInfo.username if input.request.userInfo.username == "root"
deny contains sprintf("%v", [input.request.options]) if input.project == "options"
deny contains input.now if input.settings.tell_time
level := "x" if input.object.spec.bad`

func reviewOf(request string) string {
	return `{"kind":"AdmissionReview","request":{"uid":"u","operation":"CREATE",` + request + `}}`
}

func planOf(base string, entrypoints ...string) string {
	if entrypoints == nil {
		entrypoints = []string{}
	}
	return `{"entrypoints":` + string(asJSON(entrypoints)) + `,"base":` + base + `}`
}

func reviewing(images bool) object {
	return object{"bundle": "b", "now_ns": 1_700_000_000_000_000_000, "seed": "s", "deadline_ms": 5000, "images": images}
}

func reviewer(t *testing.T) *client {
	c := inProcess(t)
	c.done(opCompile, bundleOf("b", "pods.rego", reviewModule), "")
	return c
}

func TestAReviewIsReadOnceAndAnsweredWithItsHeadAndItsImages(t *testing.T) {
	c := reviewer(t)
	review := reviewOf(`"namespace":"prod","userInfo":{"username":"root"},"object":{"apiVersion":"v1","kind":"Pod",
	 "metadata":{"name":"web"},"spec":{"bad":true,"containers":[{"image":"a"},{"image":""},{"image":7},"x"],
	 "initContainers":[{"image":"b"}],"volumes":[{"image":{"reference":"c"}},{"image":"d"}]}}`)
	for range 2 { // the second time the plan is known
		answer := c.done(opReview, reviewing(true), parted(planOf(`{"settings":{"tell_time":true}}`, "policy.pods.deny"), `{"now":"noon"}`, review))
		equalJSON(t, `{"policy.pods.deny":["noon","root","web"]}`, answer["results"])
		equalJSON(t, `{"uid":"u","operation":"CREATE","subResource":null,"namespace":"prod","name":null}`, answer["head"])
		equalJSON(t, `[["b","/spec/initContainers/0/image"],["a","/spec/containers/0/image"],["c","/spec/volumes/0/image/reference"]]`, answer["images"])
	}
	answer := c.done(opReview, reviewing(false), parted(planOf(`{}`), `{}`, review))
	equalJSON(t, `{}`, answer["results"])
	equalJSON(t, `[]`, answer["images"])
}

func TestFactsOfARequestThatAreAbsentAreNull(t *testing.T) {
	c := reviewer(t)
	answer := c.done(opReview, reviewing(false), parted(planOf(`{"project":"options"}`, "policy.pods.deny"), `{}`, reviewOf(`"object":{}`)))
	equalJSON(t, `{"policy.pods.deny":["null"]}`, answer["results"])
}

func TestOnAnUpdateOnlyChangedImagesAreToldAndADeletionIsAboutWhatWas(t *testing.T) {
	c := reviewer(t)
	pods := `"object":{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"image":"a"},{"image":"b"}]}},
	 "oldObject":{"metadata":{"name":"old"},"apiVersion":"v1","kind":"Pod","spec":{"bad":true,"containers":[{"image":"a"}]}}`
	ask := func(review string) object {
		return c.done(opReview, reviewing(true), parted(planOf(`{}`, "policy.pods.deny"), `{}`, review))
	}
	updated := ask(strings.Replace(reviewOf(pods), "CREATE", "UPDATE", 1))
	equalJSON(t, `[["b","/spec/containers/1/image"]]`, updated["images"])
	equalJSON(t, `{"policy.pods.deny":[]}`, updated["results"])
	deleted := ask(strings.Replace(reviewOf(pods), "CREATE", "DELETE", 1))
	equalJSON(t, `{"policy.pods.deny":["old"]}`, deleted["results"])
}

func TestImagesOfOtherKindsAreFoundAtAnyDepth(t *testing.T) {
	c := reviewer(t)
	review := reviewOf(`"object":{"apiVersion":"acme/v1","kind":"Pod","spec":{"a/b":[{"t~":{"containers":[{"image":"x"}]}}]}}`)
	answer := c.done(opReview, reviewing(true), parted(planOf(`{}`), `{}`, review))
	equalJSON(t, `[["x","/spec/a~1b/0/t~0/containers/0/image"]]`, answer["images"])
}

func TestAReviewThatCannotBeJudgedIsAFailure(t *testing.T) {
	c := reviewer(t)
	plan, good := planOf(`{}`, "policy.pods.deny"), reviewOf(`"object":{}`)
	deep := reviewOf(`"object":{"a":` + strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth) + `}`)
	for name, review := range map[string]string{
		"a key twice":          reviewOf(`"object":{"spec":{"bad":true},"spec":{}}`),
		"a member twice":       reviewOf(`"object":{},"operation":"DELETE"`),
		"too deep":             deep,
		"cut off":              good[:len(good)-1],
		"more after it":        good + "{}",
		"no object":            reviewOf(`"oldObject":{}`),
		"an object that is no": reviewOf(`"object":[]`),
		"no operation":         `{"request":{"object":{}}}`,
		"no request":           `{"request":null}`,
		"no review":            `[]`,
		"nothing":              ``,
	} {
		if failed := c.refused(badRequest, opReview, reviewing(true), parted(plan, `{}`, review)); failed.Message == "" {
			t.Errorf("%s: found no message", name)
		}
	}
	c.refused(undefined, opReview, reviewing(true), parted(planOf(`{}`, "policy.pods.deny", "policy.pods.level"), `{}`, good))
	for _, body := range []string{
		parted(plan, `{}`), parted(plan, `[]`, good), parted(planOf(`[]`), `{}`, good), parted(`{"entrypoints":["a b"]}`, `{}`, good),
		parted(planOf(`{"now":1}`, "policy.pods.deny"), `{"now":2}`, good), parted(plan, `{"object":{}}`, good), parted(`{"more":1}`, `{}`, good),
	} {
		c.refused(badRequest, opReview, reviewing(true), body)
	}
	header := reviewing(true)
	delete(header, "now_ns")
	c.refused(badRequest, opReview, header, parted(plan, `{}`, good))
	header = reviewing(true)
	header["bundle"] = "other"
	c.refused(bundleUnknown, opReview, header, parted(plan, `{}`, good))
}

func TestAReviewEndsAtItsDeadline(t *testing.T) {
	c := inProcess(t)
	c.done(opCompile, bundleOf("b", "a.rego", "package policy.a\ndeny contains x if some x in numbers.range(1, 100000000)"), "")
	header := reviewing(false)
	header["deadline_ms"] = 20
	c.refused(timedOut, opReview, header, parted(planOf(`{}`, "policy.a.deny"), `{}`, reviewOf(`"object":{}`)))
}

func TestAPlanIsForgottenWithItsBundle(t *testing.T) {
	c := reviewer(t)
	plan, review := planOf(`{}`, "policy.pods.deny"), reviewOf(`"object":{"metadata":{"name":"n"},"spec":{"bad":true}}`)
	c.done(opReview, reviewing(false), parted(plan, `{}`, review))
	c.done(opCompile, bundleOf("b", "pods.rego", "package policy.pods\ndeny contains 1"), "")
	equalJSON(t, `{"policy.pods.deny":[1]}`, c.done(opReview, reviewing(false), parted(plan, `{}`, review))["results"])
}

func BenchmarkReview(b *testing.B) {
	s := newServer(nil, 1<<30)
	compile := asJSON(bundleOf("b", "pods.rego", reviewModule))
	if _, err := s.compile(request{header: compile}); err != nil {
		b.Fatal(err)
	}
	header := asJSON(reviewing(true))
	body := []byte(parted(planOf(`{}`, "policy.pods.deny"), `{}`, `{"request":{"operation":"CREATE",`+string(reviewBytes(b)[1:])+"}"))
	for b.Loop() {
		if _, err := s.review(request{header: header, body: body})(); err != nil {
			b.Fatal(err)
		}
	}
}
