package kustomize

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/kustomize/diagnose"
	"github.com/drover-dev/drover/hub/model"
)

// skipFile is the mark of a file that Argo CD leaves out of a folder of plain manifests.
const skipFile = "+argocd:skip-file-rendering"

// isDirectory says whether a folder is to be read as plain manifests.
func isDirectory(m *mount, dir string, d *model.Directory) (bool, error) {
	if d == nil {
		return false, nil
	}
	if err := confirmFolder(m, dir); err != nil || !d.Detect {
		return err == nil, err
	}
	if err := refuse(m, dir, d); err != nil {
		return false, err
	}
	names, err := diagnose.KustomizationsIn(m.gate, dir)
	if err == nil && len(names) == 0 {
		if _, chart := m.stat(path.Join(dir, "Chart.yaml")); chart == nil {
			err = &diagnose.BuildError{File: path.Join(dir, "Chart.yaml"), Reason: "the folder is a chart",
				Hint: "say so with helm: {} in the source"}
		}
	}
	return len(names) == 0, err
}

// directory reads the manifests of a folder, each file by itself.
//
// The rules are those of Argo CD (v3.6, reposerver/repository, findManifests): files that end in .yaml, .yml or .json;
// a JSON file holds one object; a YAML file of which nothing is an object is left out unless it looks like a manifest;
// lists are taken apart; of an object that is there twice the later one counts.
func directory(m *mount, dir string, d model.Directory) ([]model.Rendered, error) {
	r := &directoryReader{m: m, dir: dir, Directory: d, at: map[string]int{}}
	var err error
	if r.refuse, err = regexp.Compile(d.Refuse); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if r.include, err = regexp.Compile(d.Include); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if r.exclude, err = regexp.Compile(d.Exclude); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if err := r.walk(dir, 0); err != nil {
		return nil, err
	}
	return r.objects, nil
}

// refuse is the error of a file in the folder itself that is refused.
func refuse(m *mount, dir string, d *model.Directory) error {
	if d.Refuse == "" {
		return nil
	}
	match, err := regexp.Compile(d.Refuse)
	if err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	entries, err := m.readDir(dir)
	if err != nil {
		return fmt.Errorf("list %s: %w", dir, err)
	}
	for _, e := range entries {
		if !e.IsDir() && match.MatchString(e.Name()) {
			return refused(path.Join(dir, e.Name()))
		}
	}
	return nil
}

func refused(name string) error {
	return &diagnose.BuildError{File: name, Reason: "says how the folder is delivered, and is not read in this repository",
		Hint: "declare the folder as an App with this repository as its source, or move it into the one that is followed"}
}

type directoryReader struct {
	m   *mount
	dir string
	model.Directory
	include, exclude, refuse *regexp.Regexp

	objects []model.Rendered
	at      map[string]int // of the objects
	size    int
}

func (r *directoryReader) walk(dir string, depth int) error {
	if depth > maxDepth {
		return &diagnose.BuildError{File: dir, Reason: fmt.Sprintf("folders are nested more than %d deep", maxDepth),
			Hint: "move what is deeper up"}
	}
	entries, err := r.m.readDir(dir)
	if err != nil {
		return fmt.Errorf("list %s: %w", dir, err)
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		switch {
		case !e.IsDir() && r.Refuse != "" && r.refuse.MatchString(strings.TrimPrefix(name, r.dir+"/")):
			err = refused(name)
		case e.IsDir() && r.Recurse:
			err = r.walk(name, depth+1)
		case !e.IsDir() && r.wants(name, e):
			err = r.file(name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// wants says whether a file is one to read. A link to a folder is not.
func (r *directoryReader) wants(name string, e fs.DirEntry) bool {
	if ext := path.Ext(name); !diagnose.IsManifest(name) && ext != ".json" && ext != ".jsonnet" {
		return false
	}
	seen := strings.TrimPrefix(name, r.dir+"/")
	if r.Exclude != "" && r.exclude.MatchString(seen) || !r.include.MatchString(seen) {
		return false
	}
	if e.Type()&fs.ModeSymlink != 0 {
		info, err := r.m.stat(name)
		return err != nil || info.Mode().IsRegular()
	}
	return true
}

func (r *directoryReader) file(name string) error {
	data, err := r.m.readFile(name)
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if e := r.m.budget.Admit(name, data); e != nil {
		return e
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	switch {
	case bytes.Contains(data, []byte(skipFile)):
		return nil
	case path.Ext(name) == ".jsonnet":
		return r.jsonnet(name)
	case path.Ext(name) == ".json":
		return r.json(name, data)
	}
	return r.yaml(name, data)
}

// jsonnet takes what a file of Jsonnet gives, if it was evaluated before.
func (r *directoryReader) jsonnet(name string) error {
	with := r.Jsonnet
	if with == nil {
		with = &model.Jsonnet{}
	}
	objects, ok := r.m.charts.Evaluated(model.Inflation{File: r.dir, Path: name, Jsonnet: with})
	if !ok {
		return nil // the build ends with what is to be evaluated
	}
	for _, o := range objects {
		if err := r.json(name, o.JSON); err != nil {
			return err
		}
	}
	return nil
}

// json takes a file with one object.
func (r *directoryReader) json(name string, data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var object map[string]any
	if err := dec.Decode(&object); err != nil {
		reason := "is no JSON object"
		if !fleet.HoldsSecret(data) {
			reason += ": " + err.Error()
		}
		return &diagnose.BuildError{File: name, Reason: reason,
			Hint: "correct it, or leave the file out with directory.exclude"}
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return &diagnose.BuildError{File: name, Reason: "holds more than one object",
			Hint: "a JSON file may hold one; use a List, or several files"}
	}
	return r.take(name, 1, object)
}

func (r *directoryReader) yaml(name string, data []byte) error {
	before := len(r.objects)
	looks := bytes.Contains(data, []byte("apiVersion:")) && bytes.Contains(data, []byte("kind:")) && bytes.Contains(data, []byte("metadata:"))
	for _, d := range diagnose.Documents(append([]byte("\n"), data...)) {
		object, err := manifest(d.Text)
		if err == nil && object == nil {
			continue
		}
		if err == nil {
			err = r.take(name, d.Line-1, object)
		}
		if _, placed := errors.AsType[*diagnose.BuildError](err); err != nil && !placed {
			err = &diagnose.BuildError{File: name, Line: max(d.Line-1, 1), Reason: err.Error(),
				Hint: "correct it, or leave the file out with directory.exclude"}
		}
		if err != nil && (looks || len(r.objects) > before) {
			return err
		}
		if err != nil {
			return nil // some other YAML
		}
	}
	return nil
}

// manifest reads a YAML document; nil if there is nothing in it.
func manifest(text string) (map[string]any, error) {
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("invalid YAML: %s", fleet.YAMLRule(err))
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var object map[string]any
	if err := dec.Decode(&object); err != nil {
		return nil, errors.New("a document that is no mapping")
	}
	return object, nil
}

// take takes an object in, or those in a list.
func (r *directoryReader) take(name string, line int, object map[string]any) error {
	kind, _ := object["kind"].(string)
	if kind == "" {
		return &diagnose.BuildError{File: name, Line: max(line, 1), Reason: "an object without a kind",
			Hint: "give it one, or leave the file out with directory.exclude"}
	}
	if items, ok := object["items"]; ok && items == nil && object["spec"] == nil && object["status"] == nil {
		return nil
	} else if list, ok := items.([]any); ok {
		for i, item := range list {
			o, ok := item.(map[string]any)
			if !ok {
				return &diagnose.BuildError{File: name, Line: max(line, 1),
					Reason: fmt.Sprintf("items[%d] of the %s is no object", i, kind), Hint: "correct it"}
			}
			if err := r.take(name, line, o); err != nil {
				return err
			}
		}
		return nil
	}
	data, err := json.Marshal(object)
	if err != nil {
		return err
	}
	if r.size += len(data); r.size > maxOutput {
		return tooLarge(r.m.Build)
	}
	meta, _ := object["metadata"].(map[string]any)
	apiVersion, _ := object["apiVersion"].(string)
	key := fmt.Sprint(fleet.GroupOf(apiVersion), " ", kind, " ", meta["namespace"], "/", meta["name"])
	if at, ok := r.at[key]; ok && meta["name"] != nil { // names that are generated are never the same
		r.objects[at] = model.Rendered{JSON: data, File: name}
		return nil
	}
	if len(r.objects) == maxObjects {
		return tooManyObjects(r.m.Build)
	}
	r.at[key] = len(r.objects)
	r.objects = append(r.objects, model.Rendered{JSON: data, File: name})
	return nil
}
