package kustomize

import (
	"io"
	"log"
	"runtime"
	"strings"
)

// trapFatal keeps kustomize from ending the process: in places it calls log.Fatal on what a
// repository may contain (resource.MustYaml on a value that JSON cannot hold, for one). The standard
// logger writes before it exits, so a panic out of the writer, recovered by the build, comes
// first. Other log lines pass through untouched. The result undoes the trap.
func trapFatal() (undo func()) {
	trap := &fatalTrap{next: log.Writer()}
	log.SetOutput(trap)
	return func() {
		if log.Writer() == io.Writer(trap) { // another may have been set since; then it stays
			log.SetOutput(trap.next)
		}
	}
}

type fatalTrap struct{ next io.Writer }

// Write passes a log line on, unless it is kustomize's last.
func (t *fatalTrap) Write(line []byte) (int, error) {
	if calledFrom("log.Fatal") && calledFrom("sigs.k8s.io/kustomize/") {
		panic(strings.TrimSpace(string(line)))
	}
	return t.next.Write(line)
}

// calledFrom says whether a function whose full name begins with prefix is on this goroutine's stack.
func calledFrom(prefix string) bool {
	pcs := make([]uintptr, 256)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		frame, more := frames.Next()
		if strings.HasPrefix(frame.Function, prefix) {
			return true
		}
		if !more {
			return false
		}
	}
}
