package main

import (
	"slices"
	"strings"
	"testing"
)

func TestAScopeIsNeverSilentlyTheWholeCluster(t *testing.T) {
	t.Parallel()
	for arg, want := range map[string][]string{"a": {"a"}, "a,b,a": {"a", "b"}, "": nil, ",": nil, "a,": nil, "*": nil, "A": nil} {
		var stderr strings.Builder
		f, err := parseFlags([]string{"--scope-namespaces=" + arg}, &stderr)
		if (err == nil) != (want != nil) || err == nil && !slices.Equal(f.scope, want) {
			t.Errorf("--scope-namespaces=%s gives %v, %v", arg, f.scope, err)
		}
		if err != nil && !strings.Contains(stderr.String(), "scope-namespaces") {
			t.Errorf("--scope-namespaces=%s is refused with %q", arg, stderr.String())
		}
	}
	if f, err := parseFlags(nil, nil); err != nil || f.scope != nil {
		t.Errorf("without the flag the scope is %v, %v", f.scope, err)
	}
}

func TestLogsAreAnsweredOnlyIfTheyAreGranted(t *testing.T) {
	t.Parallel()
	for arg, want := range map[string]string{"": "get tree diff events", "--answers=get,logs": "get logs",
		"--answers=none": "", "--answers=": "refused", "--answers=exec": "refused"} {
		args := []string{arg}
		if arg == "" {
			args = nil
		}
		var stderr strings.Builder
		f, err := parseFlags(args, &stderr)
		var words []string
		for _, k := range f.answers {
			words = append(words, string(k))
		}
		if got := strings.Join(words, " "); err == nil && got != want || (err != nil) != (want == "refused") {
			t.Errorf("%q grants %q, %v", arg, got, err)
		}
	}
}
