package main

import (
	"io"
	"runtime"
	"sync"
)

// answers are frames on their way to the parent: those that are ready together go out with one system
// call, and wake the parent once. With one call for each, a parent with many reviews in flight was woken
// for every one.
type answers struct {
	out io.Writer

	mu      sync.Mutex
	waiting [][]byte
	// isSending is whether somebody is at it, who will send what comes meanwhile too.
	isSending bool
}

// joinedBytes is up to where frames are copied to go out together.
const joinedBytes = 64 << 10

// send sends a frame whole, or has it sent by who is sending already.
func (a *answers) send(frame []byte) {
	a.mu.Lock()
	a.waiting = append(a.waiting, frame)
	if a.isSending {
		a.mu.Unlock()
		return
	}
	a.isSending = true
	a.mu.Unlock()
	// Whoever is about to be ready goes along.
	runtime.Gosched()
	for {
		a.mu.Lock()
		frames := a.waiting
		a.waiting, a.isSending = nil, len(frames) > 0
		a.mu.Unlock()
		if len(frames) == 0 {
			return
		}
		a.write(frames)
	}
}

// write writes frames in their order. If the parent is gone, the reader notices and ends the process.
func (a *answers) write(frames [][]byte) {
	joined := frames[0]
	for _, frame := range frames[1:] {
		if len(joined)+len(frame) <= joinedBytes {
			joined = append(joined, frame...)
			continue
		}
		_, _ = a.out.Write(joined)
		joined = frame
	}
	_, _ = a.out.Write(joined)
}
