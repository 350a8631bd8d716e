package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/drover-dev/drover/internal/version"
	"github.com/drover-dev/drover/protocol"
)

func TestVersionIsSaidAsTextAndAsJSON(t *testing.T) {
	t.Parallel()
	ask := func(args ...string) (string, int) {
		var out, stderr strings.Builder
		code := run(t.Context(), args, &out, &stderr)
		return out.String() + stderr.String(), code
	}
	text, code := ask("version")
	if code != exitFine || !strings.HasPrefix(text, "drover ") || !strings.Contains(text, "wire version") {
		t.Errorf("drover version: exit code %d, %q", code, text)
	}
	if flag, code := ask("--version"); code != exitFine || flag != text {
		t.Errorf("drover --version: exit code %d, %q, want %q", code, flag, text)
	}
	data, code := ask("version", "-o", "json")
	var info version.Info
	if err := json.Unmarshal([]byte(data), &info); err != nil || code != exitFine {
		t.Fatalf("drover version -o json: exit code %d, %v: %s", code, err, data)
	}
	if info != version.Read("drover", protocol.Version) {
		t.Errorf("drover version -o json says %+v", info)
	}
	if text, code := ask("version", "-o", "yaml"); code != exitUsage || !strings.Contains(text, "text or json") {
		t.Errorf("drover version -o yaml: exit code %d, %q", code, text)
	}
}
