package diff

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/drover-dev/drover/hub/cmd/drover/show"
	"github.com/drover-dev/drover/hub/difference"
)

// plural counts in words.
func plural(n int, what string) string { return fmt.Sprintf("%d %s", n, show.Plural(n, what)) }

// summary says a change in a line.
func summary(g difference.Group) string {
	if g.App == "" {
		return ofCluster(g)
	}
	switch g.Action {
	case difference.Added:
		return fmt.Sprintf("app %s added: %s", g.App, counted(g))
	case difference.Removed:
		return fmt.Sprintf("app %s removed: %s", g.App, counted(g))
	}
	return fmt.Sprintf("app %s: %s", g.App, counted(g))
}

func ofCluster(g difference.Group) string {
	objects := 0
	for _, a := range g.Apps {
		objects += a.Objects
	}
	what := plural(len(g.Apps), "app") + ", " + plural(objects, "object")
	switch {
	case g.Action == difference.Added:
		return "cluster added: " + what
	case g.Action == difference.Removed && g.Prunes:
		return "cluster removed: " + what + ", which are deleted"
	case g.Action == difference.Removed:
		return "cluster removed: " + what + ", which are left running"
	}
	return "cluster.yaml: " + settings(g.Settings)
}

// counted says what becomes of objects: images first, then in numbers.
func counted(g difference.Group) string {
	parts := images(g)
	onlyImages := len(parts) > 0
	for _, o := range g.Objects {
		onlyImages = onlyImages && o.Action == difference.Changed && len(o.Fields) > 0
		for _, f := range o.Fields {
			_, is := imageOf(f)
			onlyImages = onlyImages && is
		}
	}
	for _, c := range []struct {
		action difference.Action
		word   string
	}{{difference.Changed, "changed"}, {difference.Added, "added"}, {difference.Deleted, "deleted"},
		{difference.Left, "left in the cluster"}, {difference.Moved, "moved"}, {difference.Renamed, "renamed"},
		{difference.Unhooked, "no longer a hook of it"}} {
		if n := g.Count(c.action); n > 0 && !(onlyImages && c.action == difference.Changed) {
			parts = append(parts, plural(n, "object")+" "+c.word)
		}
	}
	if len(g.Settings) > 0 {
		parts = append(parts, settings(g.Settings))
	}
	if len(parts) == 0 {
		return "no objects"
	}
	return strings.Join(parts, ", ")
}

// images are the images that change, each once.
func images(g difference.Group) (out []string) {
	seen := map[string]bool{}
	for _, o := range g.Objects {
		for _, f := range o.Fields {
			if text, is := imageOf(f); is && !seen[text] {
				seen[text] = true
				out = append(out, text)
			}
		}
	}
	if n := len(out); n > 3 {
		out = append(out[:3], plural(n-3, "other image"))
	}
	return out
}

// imageOf says how an image changes: by the tag alone where that is all.
func imageOf(f difference.FieldChange) (text string, is bool) {
	var before, after string
	if f.Path != "image" && !strings.HasSuffix(f.Path, ".image") || json.Unmarshal(f.Before, &before) != nil ||
		json.Unmarshal(f.After, &after) != nil {
		return "", false
	}
	name, old := cutTag(before)
	other, tag := cutTag(after)
	if name == other && old != "" && tag != "" {
		return fmt.Sprintf("image %s %s -> %s", short(name, maxValue), short(old, maxValue), short(tag, maxValue)), true
	}
	return fmt.Sprintf("image %s -> %s", short(before, maxValue), short(after, maxValue)), true
}

// cutTag takes the tag, or the digest, off an image.
func cutTag(image string) (name, tag string) {
	if name, digest, is := strings.Cut(image, "@"); is {
		return name, digest
	}
	if at := strings.LastIndexByte(image, ':'); at > strings.LastIndexByte(image, '/') {
		return image[:at], image[at+1:]
	}
	return image, ""
}

func settings(fields []difference.FieldChange) string {
	parts := make([]string, 0, len(fields))
	for _, f := range fields {
		parts = append(parts, f.Path+" "+value(f.Before)+" -> "+value(f.After))
	}
	if n := len(parts); n > 3 {
		parts = append(parts[:3], plural(n-3, "other setting"))
	}
	return strings.Join(parts, ", ")
}

// maxValue is how much of a value is printed, in characters.
const maxValue = 100

// value is a value for people.
func value(raw json.RawMessage) string {
	if raw == nil {
		return "(none)"
	}
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return short(string(raw), maxValue)
	}
	switch x := v.(type) {
	case string:
		if n := strings.Count(strings.TrimSuffix(x, "\n"), "\n"); n > 0 {
			return plural(n+1, "line")
		}
		if strings.HasPrefix(x, "(not shown") {
			return difference.Masked
		}
		return strconv.Quote(short(x, maxValue))
	case map[string]any:
		return short(string(raw), maxValue)
	}
	return short(string(raw), maxValue)
}

// short cuts a text at n characters, and says so.
func short(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n-1]) + "…"
}

// marks says what becomes of an object, as a line of a diff does.
var marks = map[difference.Action]string{difference.Added: "+", difference.Deleted: "-", difference.Left: "-",
	difference.Unhooked: "-", difference.Changed: "~", difference.Renamed: "~", difference.Moved: ">"}

// object says in a line what becomes of an object, without its fields.
func object(o difference.ObjectChange) string {
	text := marks[o.Action] + " " + o.Object.String()
	switch {
	case o.Action == difference.Left:
		text += " (leaves the app, and is left in the cluster)"
	case o.Action == difference.Unhooked:
		text += " (a hook: it does not run any more)"
	case o.Action == difference.Renamed:
		text += " (was " + o.From + ": the hash of its content)"
	case o.To != "":
		text += " (goes on in the app " + o.To + ")"
	case o.Action == difference.Moved:
		text += " (moves here from the app " + o.From + ")"
	}
	if o.Masked > 0 {
		text += fmt.Sprintf(" (changed, %s)", plural(o.Masked, "key"))
	}
	return text
}

// field says in a line how a field changes.
func field(f difference.FieldChange) string {
	return f.Path + ": " + value(f.Before) + " -> " + value(f.After)
}
