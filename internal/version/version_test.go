package version

import (
	"encoding/json"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

const hash = "0123456789abcdef0123456789abcdef01234567"

func TestTheLinkerTakesPrecedenceOverWhatTheToolchainRecorded(t *testing.T) {
	t.Parallel()
	recorded := &debug.BuildInfo{Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: hash}, {Key: "vcs.time", Value: "2026-01-02T03:04:05Z"},
	}}
	installed := &debug.BuildInfo{Main: debug.Module{Version: "v0.3.0"}}
	plain := &debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}
	dated := Info{Version: "dev-0123456789ab", Commit: hash, Date: "2026-01-02T03:04:05Z"}
	tagged := Info{Version: "v1.2.3", Commit: "ff", Date: "2026"}
	for name, c := range map[string]struct {
		linked linked
		build  *debug.BuildInfo
		want   Info
	}{
		"a release":          {linked{"v1.2.3", "ff", "2026"}, recorded, tagged},
		"a work tree":        {linked{}, recorded, dated},
		"go install":         {linked{}, installed, Info{Version: "v0.3.0"}},
		"go run":             {linked{}, plain, Info{Version: "dev"}},
		"no build info":      {linked{}, nil, Info{Version: "dev"}},
		"linked by Makefile": {linked{"abc-dirty", hash, ""}, plain, Info{Version: "abc-dirty", Commit: hash}},
		"an abbreviation":    {linked{"", "ff", ""}, plain, Info{Version: "dev", Commit: "ff"}},
	} {
		if got := resolve(c.linked, c.build); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestTextAndJSONSayTheSame(t *testing.T) {
	t.Parallel()
	i := Read("drover", 7)
	i.Version, i.Commit, i.Date = "v1.2.3", hash, "2026-01-02T03:04:05Z"
	var text, data strings.Builder
	if err := i.Write(&text, ""); err != nil {
		t.Fatal(err)
	}
	want := "drover v1.2.3 (commit 0123456789ab, 2026-01-02T03:04:05Z, " + runtime.Version() + ", " +
		runtime.GOOS + "/" + runtime.GOARCH + ", wire version 7)\n"
	if text.String() != want {
		t.Errorf("text is %q, want %q", text.String(), want)
	}
	if err := i.Write(&data, "json"); err != nil {
		t.Fatal(err)
	}
	var back Info
	if err := json.Unmarshal([]byte(data.String()), &back); err != nil || back != i {
		t.Errorf("JSON is %s, %v; want %+v", data.String(), err, i)
	}
	if err := i.Write(&text, "yaml"); err == nil || !strings.Contains(err.Error(), "json") {
		t.Errorf("-o yaml gives %v, want an error that names json", err)
	}
}
