package main

// The memory of the process ends at a limit, before the machine's does.
//
//   - below it the garbage collector works harder (a soft limit of the Go runtime)
//   - at it a watchdog ends the process with code 77: a parent can tell that from a crash
//   - above it, for what grows faster than the watchdog looks, the kernel refuses (Linux)

import (
	"fmt"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// exitMemory is the exit code at the memory limit.
	exitMemory = 77
	// gcPercent trades memory for speed: a 4.5 KB review against eleven rules took 308 us of CPU and
	// the process 26 MB at 100, 238 us and 38 MB at 400. With 2,000 files `gate check` took 96 MiB at 400 and
	// 91 at 300, for 3 % more CPU.
	gcPercent = 300
	// gcPercentLarge takes over above largeBytes: four times of much is too much. 20,000 Deployments took
	// 490 MiB at 400.
	gcPercentLarge = 100
	largeBytes     = 64 << 20
	// watchInterval bounds how long a leak goes unseen.
	watchInterval = 20 * time.Millisecond
)

func limitMemory(mib int) {
	debug.SetGCPercent(gcPercent)
	if mib <= 0 {
		return
	}
	limitBytes := uint64(mib) << 20
	debug.SetMemoryLimit(int64(limitBytes - limitBytes/8))
	limitData(limitBytes)
	go func() {
		isLarge := false
		for {
			used := memoryUsed()
			if large := used > largeBytes; large != isLarge {
				isLarge = large
				debug.SetGCPercent(map[bool]int{false: gcPercent, true: gcPercentLarge}[large])
			}
			if used > limitBytes {
				fmt.Fprintf(os.Stderr, "gate-opa: found %d MiB of memory in use, expected at most %d; give it less to do or a larger --memory-limit-mib\n", used>>20, mib)
				os.Exit(exitMemory)
			}
			time.Sleep(watchInterval)
		}
	}()
}

// memoryUsed is what the Go runtime holds and has not given back.
func memoryUsed() uint64 {
	samples := [2]metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples[:])
	return samples[0].Value.Uint64() - samples[1].Value.Uint64()
}
