package rancher

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/model"
)

// Files that are never manifests: hidden ones, those of other tools, and what says how the folder is delivered.
const (
	fleetFiles     = `(^|/)fleet\.ya?ml$`
	neverManifests = `(^|/)\.|\.jsonnet$|` + fleetFiles
)

// overlaysFolder is where the overlays of a folder of manifests are.
const overlaysFolder = "overlays"

// manifests are the files of a bundle that are delivered as they are, each with the folder that it is in; the paths
// are seen from there.
type manifests struct {
	of      map[string]string // file → folder
	exclude []string          // folders and files beside them that are left out
	patches []model.Patch
}

// readManifests takes the manifests of a folder (Fleet v0.12, helmdeployer/render): all in it and below, but for
// folders that are bundles or charts themselves, with the overlays that are asked for.
func (r *reader) readManifests(b *bundle, app *model.App) error {
	m := manifests{of: map[string]string{}}
	if err := r.collect(b, &m); err != nil {
		return err
	}
	overlays := []string{}
	if b.YAML != nil {
		for _, name := range b.YAML.Overlays {
			dir := path.Join(b.dir, overlaysFolder, name)
			if err := r.overlay(b, &m, dir); err != nil {
				return err
			}
			overlays = append(overlays, dir)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.of)) {
		if m.of[name] != b.dir {
			m.exclude = append(m.exclude, regexp.QuoteMeta(name)+"$")
		}
	}
	slices.Sort(m.exclude)
	exclude := neverManifests
	if more := slices.Compact(m.exclude); len(more) > 0 {
		exclude += "|^(" + strings.Join(more, "|") + ")"
	}
	app.Part = model.Part{Path: b.dir, Directory: &model.Directory{Recurse: true, Exclude: exclude},
		Overlay: model.Overlay{Patches: m.patches}}
	for _, dir := range overlays {
		var files []string
		for _, name := range slices.Sorted(maps.Keys(m.of)) {
			if m.of[name] == dir {
				files = append(files, regexp.QuoteMeta(name))
			}
		}
		if len(files) > 0 {
			app.More = append(app.More, model.Part{Path: dir, Overlay: model.Overlay{Patches: m.patches},
				Directory: &model.Directory{Recurse: true, Include: "^(" + strings.Join(files, "|") + ")$"}})
		}
	}
	return nil
}

// collect finds the manifests of a folder, and what beside them is left out.
func (r *reader) collect(b *bundle, m *manifests) error {
	skip := map[string]bool{}
	if b.Helm != nil {
		for _, l := range b.Helm.layers {
			for _, name := range l.files {
				skip[path.Clean(name)] = true
			}
		}
	}
	ignored := map[string][]string{}
	return fs.WalkDir(r.plan.Tree, b.dir, func(name string, e fs.DirEntry, err error) error {
		seen := seenFrom(b.dir, name)
		switch {
		case err != nil:
			return err
		case name != b.dir && strings.HasPrefix(e.Name(), "."):
		case name != b.dir && ignores(ignored, b.dir, name, e.IsDir()), !e.IsDir() && skip[seen]:
			m.leave(seen, e.IsDir())
		case e.IsDir():
			return r.enter(b, m, name, ignored)
		case document.IsYAML(name) || strings.HasSuffix(name, ".json") && isObject(r.plan.Tree, name):
			if !isFleetFile(e.Name()) {
				m.of[seen] = b.dir
			}
			return nil
		case strings.HasSuffix(name, ".json"):
			m.leave(seen, false)
		}
		if e.IsDir() {
			return fs.SkipDir
		}
		return nil
	})
}

// enter looks into a folder, unless what is in it belongs to another bundle.
func (r *reader) enter(b *bundle, m *manifests, dir string, ignored map[string][]string) error {
	seen := seenFrom(b.dir, dir)
	isBundle, err := hasFleetFile(r.plan.Tree, dir)
	isChart, wrong := hasChart(r.plan.Tree, dir)
	if err = errors.Join(err, wrong); err != nil {
		return err
	}
	switch {
	case dir != b.dir && (isBundle || isChart || seen == overlaysFolder || r.reserved(dir)):
		m.leave(seen, true)
		return fs.SkipDir
	case seen == "templates":
		return b.file.errorf("",
			"%s is a folder of templates without a chart, which Fleet makes a chart of: add a Chart.yaml "+
				"beside it, or rename it", dir)
	}
	rules, err := r.plan.Tree.ReadFile(path.Join(dir, ".fleetignore"))
	if ignoreAbsent(err) != nil {
		return err
	}
	for line := range strings.Lines(string(rules)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			ignored[dir] = append(ignored[dir], line)
		}
	}
	return nil
}

// leave leaves a file or a folder out.
func (m *manifests) leave(seen string, folder bool) {
	end := "$"
	if folder {
		end = "/"
	}
	m.exclude = append(m.exclude, regexp.QuoteMeta(seen)+end)
}

// seenFrom is a path as it is seen from a folder above it.
func seenFrom(dir, name string) string {
	if dir == "." {
		return name
	}
	return strings.TrimPrefix(name, dir+"/")
}

// ignores says whether a .fleetignore in a folder between root and a file leaves it out (Fleet v0.12, bundlereader,
// ignoreTree): rules are matched with the name alone.
func ignores(rules map[string][]string, root, name string, folder bool) bool {
	base := path.Base(name)
	for dir := path.Dir(name); ; dir = path.Dir(dir) {
		for _, rule := range rules[dir] {
			if below, is := strings.CutSuffix(rule, "/*"); is {
				if folder && below == base {
					return true
				}
			} else if is, err := path.Match(rule, base); is && err == nil {
				return true
			}
		}
		if dir == root || dir == "." {
			return false
		}
	}
}

// isObject says whether a JSON file is a manifest: others are data.
func isObject(tree fs.FS, name string) bool {
	data, err := fs.ReadFile(tree, name)
	var head struct{ APIVersion, Kind string }
	return err == nil && json.Unmarshal(data, &head) == nil && head.APIVersion != "" && head.Kind != ""
}

// overlay lays a folder over the manifests: a file replaces that of its name or is added, and one whose name ends in
// _patch before the extension patches it (Fleet v0.12, helmdeployer/render/patch).
func (r *reader) overlay(b *bundle, m *manifests, dir string) error {
	tree := r.plan.Tree
	if info, err := tree.Stat(dir); err != nil || !info.IsDir() {
		return b.file.errorf("yaml.overlays", "the overlay %s does not exist: correct the name", dir)
	}
	return fs.WalkDir(tree, dir, func(name string, e fs.DirEntry, err error) error {
		seen := seenFrom(dir, name)
		switch {
		case err != nil || e.IsDir() || !document.IsYAML(name) && !strings.HasSuffix(name, ".json"):
			return err
		case !strings.Contains(e.Name(), "_patch."):
			m.of[seen] = dir
			return nil
		}
		seen = path.Join(path.Dir(seen), strings.Replace(e.Name(), "_patch.", ".", 1))
		base, ok := m.of[seen]
		if !ok {
			return b.file.errorf("yaml.overlays", "%s patches %s, which does not exist: correct its name", name,
				path.Join(b.dir, seen))
		}
		patch, err := patchOf(tree, path.Join(base, seen), name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		m.patches = append(m.patches, patch)
		return nil
	})
}

// identified is a patch that names the object which it is for: in Fleet the name of its file is enough.
func identified(patch []byte, o document.Head) (string, error) {
	var fields map[string]any
	if yaml.Unmarshal(patch, &fields) != nil || fields == nil {
		return string(patch), nil // a list of operations
	}
	meta, ok := fields["metadata"].(map[string]any)
	if !ok {
		meta = map[string]any{}
	}
	fields["apiVersion"], fields["kind"], fields["metadata"] = string(o.APIVersion), string(o.Kind), meta
	meta["name"] = string(o.Metadata.Name)
	data, err := json.Marshal(fields)
	return string(data), err
}

// patchOf is the patch in a file for the object in another.
func patchOf(tree model.Tree, base, file string) (out model.Patch, err error) {
	var o document.Head
	data, err := tree.ReadFile(base)
	if err == nil {
		err = yaml.Unmarshal(data, &o)
	}
	if err != nil || o.Kind == "" || o.Metadata.Name == "" {
		return out, fmt.Errorf("what it patches, %s, is to hold one object with a kind and a name", base)
	}
	if data, err = tree.ReadFile(file); err == nil {
		out.Patch, err = identified(data, o)
	}
	out.Target = &model.Target{Group: o.Group(), Kind: regexp.QuoteMeta(string(o.Kind)),
		Name: regexp.QuoteMeta(string(o.Metadata.Name)), Namespace: regexp.QuoteMeta(string(o.Metadata.Namespace))}
	return out, err
}
