package identity

import (
	"maps"
	"slices"
	"testing"

	"github.com/drover-dev/drover/protocol"
)

func app(name, declared, digest string, formerly ...string) protocol.App {
	a := protocol.App{Name: name, Declared: declared, Formerly: formerly}
	if digest != "" {
		a.Blob = &protocol.Blob{Digest: digest}
	}
	return a
}

func TestSuccessors(t *testing.T) {
	t.Parallel()
	const ks, hr = "Kustomization media/plex", "HelmRelease media/plex"
	ksKey, hrKey := Parse(ks).Key(), Parse(hr).Key()
	isKs := app(ksKey, ks, "1", "media-plex", "media-plex-11111111")
	isHr := app(hrKey, hr, "2", "media-plex", "media-plex-22222222")
	native := app("media-plex", "App media-plex", "3")
	for name, c := range map[string]struct {
		before, now []protocol.App
		want        map[string]string
	}{
		"nothing is new":               {[]protocol.App{isKs, native}, []protocol.App{isKs, native}, nil},
		"an app of an older hub":       {[]protocol.App{app("media-plex", "", "9")}, []protocol.App{isKs}, map[string]string{"media-plex": ksKey}},
		"one with a digest":            {[]protocol.App{app("media-plex-11111111", "", "9")}, []protocol.App{isKs, isHr}, map[string]string{"media-plex-11111111": ksKey}},
		"two with digests":             {[]protocol.App{app("media-plex-11111111", "", ""), app("media-plex-22222222", "", "")}, []protocol.App{isKs, isHr}, map[string]string{"media-plex-11111111": ksKey, "media-plex-22222222": hrKey}},
		"a digest, and a plain left":   {[]protocol.App{app("media-plex", "", "9"), app("media-plex-11111111", "", "9")}, []protocol.App{isKs}, map[string]string{"media-plex-11111111": ksKey}},
		"two that may be meant":        {[]protocol.App{app("media-plex", "", "2")}, []protocol.App{isKs, isHr}, map[string]string{"media-plex": hrKey}},
		"two, and neither is the same": {[]protocol.App{app("media-plex", "", "9")}, []protocol.App{isHr, isKs}, map[string]string{"media-plex": hrKey}},
		"a native app keeps its name":  {[]protocol.App{app("media-plex", "", "9")}, []protocol.App{isKs, native}, nil},
		"a native app took the name":   {[]protocol.App{app("media-plex", "", "1")}, []protocol.App{isKs, native}, map[string]string{"media-plex": ksKey}},
		"it has its key already":       {[]protocol.App{app("media-plex", "", "9"), isKs}, []protocol.App{isKs}, nil},
		// What was a native app's is nobody else's, under whichever name something is declared.
		"a native app leaves":           {[]protocol.App{native}, []protocol.App{isKs}, nil},
		"another declaration's":         {[]protocol.App{app("media-plex", hr, "1", "media-plex")}, []protocol.App{isKs}, nil},
		"the key itself is another":     {[]protocol.App{app("other", ks, "9")}, []protocol.App{isKs}, map[string]string{"other": ksKey}},
		"back to an older hub":          {[]protocol.App{isKs, native}, []protocol.App{app("media-plex-11111111", "", "1"), app("media-plex", "", "3")}, map[string]string{ksKey: "media-plex-11111111"}},
		"back, and plain":               {[]protocol.App{isKs}, []protocol.App{app("media-plex", "", "1")}, map[string]string{ksKey: "media-plex"}},
		"back, and the name is native":  {[]protocol.App{isKs, native}, []protocol.App{app("media-plex", "", "3")}, nil},
		"a hub that knows has it named": {[]protocol.App{isKs}, []protocol.App{native}, nil},
	} {
		got := Successors(c.before, c.now)
		if len(got) != len(c.want) || !maps.Equal(got, c.want) && len(c.want) > 0 {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// However the two sides are, no app gets what two had, none that is there gets more, and there and back is where it
// began.
func FuzzSuccessorsAreOneToOne(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4}, []byte{5, 6, 7, 8})
	f.Add([]byte{9, 9, 1}, []byte{1, 1, 9})
	ids := []ID{{"Kustomization", "a", "x"}, {"HelmRelease", "a", "x"}, {"App", "", "a-x"}, {"Application", "b", "y"}}
	apps := func(data []byte) (out []protocol.App) {
		seen := map[string]bool{}
		for _, d := range data {
			id := ids[int(d)%len(ids)]
			a := app(id.Key(), id.String(), string('0'+d%3))
			if !id.Native() {
				a.Formerly = []string{id.Namespace + "-" + id.Name, id.Namespace + "-" + id.Name + "-" + id.Kind}
			}
			if d >= 64 {
				a.Declared = ""
				if len(a.Formerly) > 0 {
					a.Name, a.Formerly = a.Formerly[int(d)%2], nil
				}
			}
			if !seen[a.Name] {
				seen[a.Name], out = true, append(out, a)
			}
		}
		return out
	}
	f.Fuzz(func(t *testing.T, x, y []byte) {
		before, now := apps(x), apps(y)
		got := Successors(before, now)
		var names []string
		for from, to := range got {
			if slices.Contains(names, to) {
				t.Errorf("%s follows two", to)
			}
			names = append(names, to)
			is := func(name string) func(protocol.App) bool {
				return func(a protocol.App) bool { return a.Name == name }
			}
			i, j := slices.IndexFunc(before, is(from)), slices.IndexFunc(now, is(to))
			if i < 0 || j < 0 || slices.ContainsFunc(before, is(to)) {
				t.Fatalf("%s → %s, of %+v and %+v", from, to, before, now)
			}
			if a, b := before[i].Declared, now[j].Declared; a != "" && b != "" && a != b {
				t.Errorf("%s of %s goes on as %s of %s", from, a, to, b)
			}
		}
	})
}
