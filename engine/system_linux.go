package main

import "syscall"

// limitData has the kernel refuse memory well above the limit. The Go runtime maps memory in units
// of 64 MiB and needs some for itself.
func limitData(limitBytes uint64) {
	hard := limitBytes + limitBytes/4 + 256<<20
	_ = syscall.Setrlimit(syscall.RLIMIT_DATA, &syscall.Rlimit{Cur: hard, Max: hard})
}
