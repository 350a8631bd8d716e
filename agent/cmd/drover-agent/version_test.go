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
		code := sayVersion(args, &out, &stderr)
		return out.String() + stderr.String(), code
	}
	text, code := ask()
	if code != 0 || !strings.HasPrefix(text, "drover-agent ") || !strings.Contains(text, "wire version") {
		t.Errorf("exit code %d, %q", code, text)
	}
	data, code := ask("-o", "json")
	var info version.Info
	if err := json.Unmarshal([]byte(data), &info); err != nil || code != 0 {
		t.Fatalf("-o json: exit code %d, %v: %s", code, err, data)
	}
	if info != version.Read("drover-agent", protocol.Version) {
		t.Errorf("-o json says %+v", info)
	}
	for _, wrong := range []string{"-o=yaml", "now", "--json"} {
		if text, code := ask(wrong); code != 2 {
			t.Errorf("version %s: exit code %d, %q", wrong, code, text)
		}
	}
}
