// Command gate-opa is OPA behind a socket: gate's own policy engine, run as a child process.
//
// It reads frames from file descriptor 0 and answers each when it is done, several at once; the
// protocol is in PROTOCOL.md. It deliberately has no network, reads no file, and writes nothing
// but answers. It ends when its parent does.
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	opa "github.com/open-policy-agent/opa/v1/version"
)

// version is set by the linker.
var version = "dev"

const protocol = 1

// The operations, by the number a request frame carries.
const (
	opHello = iota + 1
	opCompile
	opEvaluate
	opEvaluateMany
	opManifests
	opTest
	opDrop
	opFormat
	opManifestsMany
	opHCL
	opReview
)

func main() {
	if len(os.Args) < 2 {
		usage("found no command")
	}
	switch command, args := os.Args[1], os.Args[2:]; command {
	case "version":
		text, err := json.Marshal(about())
		if err != nil {
			panic(err)
		}
		fmt.Println(string(text))
	case "serve":
		flags := flag.NewFlagSet("gate-opa serve", flag.ExitOnError)
		maxFrameBytes := flags.Uint("max-frame-bytes", 1<<30, "largest frame that is read or written")
		memoryLimitMiB := flags.Int("memory-limit-mib", 2048, "the process ends with code 77 above this")
		_ = flags.Parse(args) // ExitOnError
		if flags.NArg() > 0 {
			usage(fmt.Sprintf("found argument %q after serve", flags.Arg(0)))
		}
		limitMemory(*memoryLimitMiB)
		connection := parentConnection()
		confine()
		s := newServer(connection, uint32(min(*maxFrameBytes, 1<<32-1)))
		s.serve(connection)
		// Evaluations may still run; nobody is left to hear their results.
		os.Exit(0)
	case "cut":
		os.Exit(cutCommand(args, os.Stdin, os.Stdout))
	case "tally":
		os.Exit(tallyCommand(args, os.Stdin, os.Stdout))
	default:
		usage(fmt.Sprintf("found command %q", command))
	}
}

func usage(found string) {
	fmt.Fprintf(os.Stderr, "gate-opa: %s, expected `serve`, `cut`, `tally` or `version`\n", found)
	os.Exit(2)
}

type identity struct {
	Version  string `json:"version"`
	OPA      string `json:"opa"`
	Go       string `json:"go"`
	Protocol int    `json:"protocol"`
}

func about() identity {
	return identity{version, opa.Version, runtime.Version(), protocol}
}

// A server answers the requests of one connection.
type server struct {
	bundles       bundles
	maxFrameBytes uint32
	// slots bounds the evaluations that run at once; more only compete for the same cores.
	slots chan struct{}

	out answers
}

func newServer(out io.Writer, maxFrameBytes uint32) *server {
	return &server{
		bundles:       bundles{byID: map[string]*bundle{}},
		maxFrameBytes: maxFrameBytes,
		slots:         make(chan struct{}, 2*runtime.GOMAXPROCS(0)),
		out:           answers{out: out},
	}
}

// A request frame is: uint32 length of what follows, uint32 id, uint8 operation, uint32 length of
// the header, header, body. Numbers are big-endian.
type request struct {
	id     uint32
	op     byte
	header []byte
	body   []byte
}

const requestPrefix = 4 + 1 + 4

// serve reads requests until the parent closes the connection or breaks the protocol.
func (s *server) serve(in io.Reader) {
	// Frames that wait together come with one system call.
	in = bufio.NewReaderSize(in, 64<<10)
	var length [4]byte
	for {
		if _, err := io.ReadFull(in, length[:]); err != nil {
			return
		}
		size := binary.BigEndian.Uint32(length[:])
		if size > s.maxFrameBytes {
			s.answer(0, nil, fail(tooLarge, fmt.Sprintf("frame: found %d bytes, expected at most %d", size, s.maxFrameBytes)))
			return
		}
		if size < requestPrefix {
			s.answer(0, nil, fail(badRequest, fmt.Sprintf("frame: found %d bytes, expected at least %d", size, requestPrefix)))
			return
		}
		frame := make([]byte, size)
		if _, err := io.ReadFull(in, frame); err != nil {
			return
		}
		headerSize := binary.BigEndian.Uint32(frame[5:])
		if headerSize > size-requestPrefix {
			s.answer(0, nil, fail(badRequest, fmt.Sprintf("frame: found a header of %d bytes, expected at most the %d there are", headerSize, size-requestPrefix)))
			return
		}
		rest := frame[requestPrefix:]
		r := request{
			id:     binary.BigEndian.Uint32(frame),
			op:     frame[4],
			header: rest[:headerSize:headerSize],
			body:   rest[headerSize:],
		}
		// Not the request: an operation lets go of a body that it has read.
		run, id := s.operation(r), r.id
		go func() {
			payload, err := s.guarded(run)
			s.answer(id, payload, err)
		}()
	}
}

// operation is what a request asks for. Deadlines start here, when the request has been read.
func (s *server) operation(r request) func() ([]byte, error) {
	switch r.op {
	case opHello:
		return func() ([]byte, error) { return s.hello(r) }
	case opCompile:
		return func() ([]byte, error) { return s.compile(r) }
	case opEvaluate:
		return s.evaluate(r)
	case opEvaluateMany:
		return s.evaluateMany(r)
	case opManifests:
		return func() ([]byte, error) { return s.manifests(r) }
	case opTest:
		return func() ([]byte, error) { return s.test(r) }
	case opDrop:
		return func() ([]byte, error) { return s.drop(r) }
	case opFormat:
		return func() ([]byte, error) { return s.format(r) }
	case opManifestsMany:
		return func() ([]byte, error) { return s.manifestsMany(r) }
	case opHCL:
		return func() ([]byte, error) { return s.hcl(r) }
	case opReview:
		return s.review(r)
	}
	return func() ([]byte, error) {
		return nil, fail(badRequest, fmt.Sprintf("frame: found operation %d, expected %d to %d", r.op, opHello, opReview))
	}
}

// guarded runs an operation so that a panic in OPA's or our own code costs this request only.
func (s *server) guarded(run func() ([]byte, error)) (payload []byte, err error) {
	defer func() {
		if found := recover(); found != nil {
			// What the panic left half done must not answer anybody else.
			s.bundles.forgetPrepared()
			payload, err = nil, panicFailure(found)
		}
	}()
	return run()
}

// panicFailure names the place of a panic in the message: there is no other log.
func panicFailure(found any) *failure {
	place := ""
	for _, line := range strings.Split(string(debug.Stack()), "\n") {
		// After the panic's own frames the first file is where it happened.
		if strings.HasPrefix(line, "panic(") {
			place = ""
		} else if place == "" && strings.HasPrefix(line, "\t") && !strings.Contains(line, "runtime/") {
			place = strings.TrimSpace(line)
		}
	}
	return fail(panicked, fmt.Sprintf("engine: found a panic (%v) at %s, expected none; please report it", found, place))
}

const answerPrefix = 4 + 4 + 1

// answer writes one response frame: uint32 length of what follows, uint32 id, uint8 status, payload.
func (s *server) answer(id uint32, payload []byte, err error) {
	status := byte(0)
	if err == nil && uint64(len(payload))+answerPrefix > uint64(s.maxFrameBytes) {
		err = fail(tooLarge, fmt.Sprintf("answer: found %d bytes, expected at most %d", len(payload), s.maxFrameBytes))
	}
	if err != nil {
		status = 1
		payload = encoded(failureOf(err))
	}
	frame := make([]byte, answerPrefix, answerPrefix+len(payload))
	binary.BigEndian.PutUint32(frame, uint32(len(payload)+answerPrefix-4))
	binary.BigEndian.PutUint32(frame[4:], id)
	frame[8] = status
	frame = append(frame, payload...)
	s.out.send(frame)
}

func (s *server) hello(r request) ([]byte, error) {
	if err := decodeHeader(r.header, &struct{}{}); err != nil {
		return nil, err
	}
	return encoded(struct {
		identity
		BuiltinsRemoved []string `json:"builtins_removed"`
	}{about(), removedBuiltins}), nil
}

func (s *server) drop(r request) ([]byte, error) {
	var header struct {
		Bundle string `json:"bundle"`
	}
	if err := decodeHeader(r.header, &header); err != nil {
		return nil, err
	}
	if !s.bundles.drop(header.Bundle) {
		return nil, unknownBundle(header.Bundle)
	}
	return []byte("{}"), nil
}

// decodeHeader reads a header strictly: a key we do not know is a promise we would not keep.
func decodeHeader(text []byte, into any) error {
	if len(text) == 0 {
		text = []byte("{}")
	}
	decoder := json.NewDecoder(strings.NewReader(shared(text)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fail(badRequest, "header: "+strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := decoder.Token(); err != io.EOF {
		return fail(badRequest, "header: found more after the object, expected nothing")
	}
	return nil
}

// encoded is the JSON of one of our own answers, which can always be written.
func encoded(value any) []byte {
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err)
	}
	return []byte(strings.TrimSuffix(out.String(), "\n"))
}

func itoa(number int) string { return strconv.Itoa(number) }
