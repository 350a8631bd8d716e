package diff

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/difference"
	"github.com/drover-dev/drover/protocol"
)

// from is a field that differs; "" is a side without it.
func from(path, before, after string) difference.FieldChange {
	f := difference.FieldChange{Path: path}
	if before != "" {
		f.Before = json.RawMessage(before)
	}
	if after != "" {
		f.After = json.RawMessage(after)
	}
	return f
}

// of is an object of the namespace shop to which something happens.
func of(action difference.Action, kind, name string, fields ...difference.FieldChange) difference.ObjectChange {
	return difference.ObjectChange{Action: action, Fields: fields,
		Object: protocol.ObjectRef{Kind: kind, Namespace: "shop", Name: name}}
}

// inApp is what changes in an app.
func inApp(action difference.Action, objects ...difference.ObjectChange) difference.Group {
	return difference.Group{Change: difference.Change{App: "web", Action: action, Objects: objects},
		Clusters: []string{"bern"}, Example: "bern"}
}

const image = "spec.template.spec.containers[web].image"

// A value is one line that is not longer than a person reads, and never that of a Secret.
func TestValuesAreShort(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ä", 101)
	for raw, want := range map[string]string{
		"":                          "(none)",
		"null":                      "null",
		"1.50":                      "1.50",
		`"a"`:                       `"a"`,
		`""`:                        `""`,
		`"1"`:                       `"1"`,
		`"a\n"`:                     `"a\n"`,
		`"a\nb"`:                    "2 lines",
		`"a\nb\n"`:                  "2 lines",
		`"\n\n\n"`:                  "3 lines",
		`"\u001b[2J"`:               `"\x1b[2J"`,
		`"(not shown: 3 bytes)"`:    "(not shown)",
		`{"a":[1]}`:                 `{"a":[1]}`,
		`["a"]`:                     `["a"]`,
		`"` + long + `"`:            `"` + strings.Repeat("ä", 99) + `…"`,
		`"` + long[:200] + `"`:      `"` + long[:200] + `"`,
		`["` + long + `"]`:          `["` + strings.Repeat("ä", 97) + "…",
		`{"` + long + `":1}`:        `{"` + strings.Repeat("ä", 97) + "…",
		strings.Repeat("[", 20_000): strings.Repeat("[", 99) + "…", // no JSON
	} {
		var given json.RawMessage
		if raw != "" {
			given = json.RawMessage(raw)
		}
		if got := value(given); got != want {
			t.Errorf("%.120s: %s, want %s", raw, got, want)
		}
	}
}

// An image is said by its tag or digest where nothing else of it differs; a port is no tag.
func TestImagesAreSaidByWhatDiffers(t *testing.T) {
	t.Parallel()
	huge := strings.Repeat("a", 10_000)
	for _, c := range []struct{ path, before, after, want string }{
		{image, `"web:1"`, `"web:2"`, "image web 1 -> 2"},
		{"image", `"web:1"`, `"web:2"`, "image web 1 -> 2"},
		{image, `"r.io:5000/web:1"`, `"r.io:5000/web:2"`, "image r.io:5000/web 1 -> 2"},
		{image, `"r.io:5000/web"`, `"r.io:5000/web:2"`, "image r.io:5000/web -> r.io:5000/web:2"},
		{image, `"r.io:5000/web"`, `"r.io:6000/web"`, "image r.io:5000/web -> r.io:6000/web"},
		{image, `"web:1"`, `"api:1"`, "image web:1 -> api:1"},
		{image, `"web@sha256:aa"`, `"web@sha256:bb"`, "image web sha256:aa -> sha256:bb"},
		{image, `"web:1"`, `"web@sha256:bb"`, "image web 1 -> sha256:bb"},
		{image, `"web:"`, `"web:1"`, "image web: -> web:1"},
		{image, `"w:1"`, `"w:` + huge + `"`, "image w 1 -> " + huge[:99] + "…"},
		{image, `"` + huge + `:1"`, `"` + huge + `:2"`, "image " + huge[:99] + "… 1 -> 2"},
		{image, "", `"web:1"`, ""},
		{image, `"web:1"`, "", ""},
		{image, `{"repository":"web"}`, `"web:1"`, ""},
		{"spec.imagePullPolicy", `"a"`, `"b"`, ""},
		{"spec.myimage", `"a"`, `"b"`, ""},
	} {
		got, is := imageOf(from(c.path, c.before, c.after))
		if got != c.want || is != (c.want != "") {
			t.Errorf("%s %.60s %.60s: %.200q %t, want %.200q", c.path, c.before, c.after, got, is, c.want)
		}
	}
}

// What changes in an app is a line: images by name, and everything else in numbers.
func TestAChangeIsSaidInALine(t *testing.T) {
	t.Parallel()
	deploy := func(name, before, after string, more ...difference.FieldChange) difference.ObjectChange {
		return of(difference.Changed, "Deployment", name, append([]difference.FieldChange{from(image, before, after)},
			more...)...)
	}
	many := inApp(difference.Changed)
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		many.Objects = append(many.Objects, deploy(name, `"`+name+`:1"`, `"`+name+`:2"`))
	}
	set := inApp(difference.Changed)
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		set.Settings = append(set.Settings, from(name, "1", ""))
	}
	all := inApp(difference.Changed)
	for _, a := range []difference.Action{difference.Unhooked, difference.Renamed, difference.Moved, difference.Left,
		difference.Deleted, difference.Deleted, difference.Added, difference.Changed} {
		all.Objects = append(all.Objects, of(a, "ConfigMap", "x"))
	}
	cluster := func(action difference.Action, prunes bool) difference.Group {
		return difference.Group{Change: difference.Change{Action: action, Prunes: prunes,
			Apps: []difference.AppCount{{App: "a", Objects: 2}, {App: "b"}}}}
	}
	ofCluster := difference.Group{Change: difference.Change{Action: difference.Changed,
		Settings: []difference.FieldChange{from("suspend", "false", "true")}}}
	for name, c := range map[string]struct {
		g    difference.Group
		want string
	}{
		"an image alone": {inApp(difference.Changed, deploy("a", `"w:1"`, `"w:2"`)), "app web: image w 1 -> 2"},
		"the same image twice": {inApp(difference.Changed, deploy("a", `"w:1"`, `"w:2"`), deploy("b", `"w:1"`, `"w:2"`)),
			"app web: image w 1 -> 2"},
		"an image and more of it": {inApp(difference.Changed, deploy("a", `"w:1"`, `"w:2"`, from("spec.replicas", "1", "2"))),
			"app web: image w 1 -> 2, 1 object changed"},
		"an image, and a Secret": {inApp(difference.Changed, deploy("a", `"w:1"`, `"w:2"`), of(difference.Changed,
			"Secret", "s")),
			"app web: image w 1 -> 2, 2 objects changed"},
		"many images":   {many, "app web: image a 1 -> 2, image b 1 -> 2, image c 1 -> 2, 2 other images"},
		"many settings": {set, "app web: a 1 -> (none), b 1 -> (none), c 1 -> (none), 2 other settings"},
		"all there is": {all, "app web: 1 object changed, 1 object added, 2 objects deleted, 1 object left in the cluster, " +
			"1 object moved, 1 object renamed, 1 object no longer a hook of it"},
		"a new app": {inApp(difference.Added, of(difference.Added, "Pod", "a")),
			"app web added: 1 object added"},
		"an empty one": {inApp(difference.Added), "app web added: no objects"},
		"an app that goes": {inApp(difference.Removed, of(difference.Left, "Pod", "a")),
			"app web removed: 1 object left in the cluster"},
		"a new cluster": {cluster(difference.Added, false), "cluster added: 2 apps, 2 objects"},
		"one that is pruned": {cluster(difference.Removed, true),
			"cluster removed: 2 apps, 2 objects, which are deleted"},
		"one that is left": {cluster(difference.Removed, false),
			"cluster removed: 2 apps, 2 objects, which are left running"},
		"the file of a cluster":  {ofCluster, "cluster.yaml: suspend false -> true"},
		"an image that is added": {inApp(difference.Changed, deploy("a", "", `"w:2"`)), "app web: 1 object changed"},
	} {
		if got := summary(c.g); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// The mark and the words say whether anything is deleted from a cluster.
func TestAnObjectSaysWhatBecomesOfIt(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]difference.ObjectChange{
		"+ Pod/shop/a": of(difference.Added, "Pod", "a"),
		"- Pod/shop/a": of(difference.Deleted, "Pod", "a"),
		"~ Pod/shop/a": of(difference.Changed, "Pod", "a"),
		"- Pod/shop/a (leaves the app, and is left in the cluster)": of(difference.Left, "Pod", "a"),
		"- Pod/shop/a (a hook: it does not run any more)":           of(difference.Unhooked, "Pod", "a"),
		"~ Pod/shop/a-2 (was a-1: the hash of its content)": {Action: difference.Renamed, From: "a-1",
			Object: of("", "Pod", "a-2").Object},
		"> Pod/shop/a (goes on in the app db)": {Action: difference.Moved, To: "db", Object: of("",
			"Pod", "a").Object},
		"> Pod/shop/a (moves here from the app db)": {Action: difference.Moved, From: "db", Object: of("",
			"Pod", "a").Object},
		"~ Secret/shop/s (changed, 1 key)": {Action: difference.Changed, Masked: 1,
			Object: of("", "Secret", "s").Object},
		"~ Secret/shop/s-2 (was s-1: the hash of its content) (changed, 2 keys)": {Action: difference.Renamed, From: "s-1",
			Masked: 2, Object: of("", "Secret", "s-2").Object},
		"~ Node/a": {Action: difference.Changed, Object: protocol.ObjectRef{Kind: "Node", Name: "a"}},
	} {
		if got := object(o); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
