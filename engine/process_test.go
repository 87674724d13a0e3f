//go:build unix

package main

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// aChild is a client of a process of its own, and that process.
func aChild(t *testing.T, flags ...string) (*client, *exec.Cmd, *strings.Builder) {
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	here, there := os.NewFile(uintptr(pair[0]), "here"), os.NewFile(uintptr(pair[1]), "there")
	syscall.CloseOnExec(pair[0])
	child := exec.Command(os.Args[0], append([]string{"serve"}, flags...)...)
	child.Env = append(os.Environ(), serveVariable+"=1")
	child.Stdin = there
	stderr := &strings.Builder{}
	child.Stderr = stderr
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	there.Close()
	t.Cleanup(func() { here.Close(); _ = child.Process.Kill() })
	return &client{t: t, conn: here}, child, stderr
}

func TestTheProcessEndsWithItsParent(t *testing.T) {
	c, child, _ := aChild(t)
	c.done(opCompile, bundleOf("b", "a.rego", slowModule), "")
	slow := asking("b", "slow.paths")
	slow["deadline_ms"] = 50
	// This built-in does not look at its deadline; the process answers others and ends all the same.
	c.send(opEvaluate, slow, []byte("{}"))
	hello := c.send(opHello, object{}, nil)
	if id, _, _, err := c.receive(); err != nil || id != hello {
		t.Fatalf("found an answer to %d (%v), expected one to hello", id, err)
	}
	c.conn.Close()
	ended := make(chan error)
	go func() { ended <- child.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("found %v, expected exit code 0", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("found the process alive, expected it to end with its parent")
	}
}

// underRace is whether the race detector runs; it needs more memory than any limit here.
var underRace bool

func TestTheProcessEndsAtItsMemoryLimit(t *testing.T) {
	if underRace {
		t.Skip("the race detector has memory of its own")
	}
	c, child, stderr := aChild(t, "--memory-limit-mib", "256")
	c.done(opCompile, bundleOf("b", "a.rego", `package a
x := count([s | some i in numbers.range(1, 5000); some j in numbers.range(1, 5000); s := sprintf("%2000d", [i * j])])`), "")
	header := asking("b", "a.x")
	header["deadline_ms"] = 60_000
	c.send(opEvaluate, header, []byte("{}"))
	if _, status, payload, err := c.receive(); err == nil {
		t.Fatalf("found answer %d %.200s, expected none", status, payload)
	}
	var exit *exec.ExitError
	if err := child.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exitMemory {
		t.Errorf("found %v, expected exit code %d", err, exitMemory)
	}
	if strings.Count(stderr.String(), "\n") != 1 || !strings.Contains(stderr.String(), "expected at most 256") {
		t.Errorf("found %q on standard error, expected one line with the limit", stderr)
	}
}

func TestTheProcessOpensNoFiles(t *testing.T) {
	c, _, _ := aChild(t)
	c.done(opCompile, bundleOf("b", "a.rego", `package a
open := test.open("/dev/null")`), "")
	equalJSON(t, `{"a.open":false}`, c.done(opEvaluate, asking("b", "a.open"), "{}")["results"])
}
