package worker

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/google/go-jsonnet"

	"github.com/drover-dev/drover/hub/helm"
	"github.com/drover-dev/drover/hub/model"
)

// evaluated evaluates a file of Jsonnet as Argo CD does (v3.6, reposerver/repository, makeJsonnetVm): it gives an object
// or a list of them. find gives the files that it imports.
func evaluated(job *helm.Job, find func(from, name string) (*helm.Imported, error)) (a helm.Answer) {
	fail := func(err error) helm.Answer { return helm.Answer{Err: jsonnetError(job.Chart, err)} }
	vm := jsonnet.MakeVM()
	vm.Importer(&importer{find: find, known: map[string]jsonnet.Contents{}, at: map[[2]string]string{}})
	for _, v := range job.Jsonnet.TLAs {
		if v.Code {
			vm.TLACode(v.Name, v.Value)
		} else {
			vm.TLAVar(v.Name, v.Value)
		}
	}
	for _, v := range job.Jsonnet.ExtVars {
		if v.Code {
			vm.ExtCode(v.Name, v.Value)
		} else {
			vm.ExtVar(v.Name, v.Value)
		}
	}
	text, err := vm.EvaluateFile(job.Chart)
	if err != nil {
		return fail(err)
	}
	if len(text) > helm.MaxOutput {
		return fail(fmt.Errorf("it gives more than %d MiB", helm.MaxOutput>>20))
	}
	var objects []json.RawMessage
	if strings.HasPrefix(strings.TrimSpace(text), "[") {
		if err := json.Unmarshal([]byte(text), &objects); err != nil {
			return fail(err)
		}
	} else {
		objects = []json.RawMessage{json.RawMessage(text)}
	}
	if len(objects) > helm.MaxObjects {
		return fail(fmt.Errorf("it gives more than %d objects", helm.MaxObjects))
	}
	for i, o := range objects {
		if !strings.HasPrefix(strings.TrimSpace(string(o)), "{") {
			return fail(fmt.Errorf("what it gives is no object, and no list of objects (item %d)", i))
		}
		a.Objects = append(a.Objects, model.Rendered{JSON: o, File: job.Chart})
	}
	return a
}

// importer asks the hub for files, each once.
type importer struct {
	find  func(from, name string) (*helm.Imported, error)
	known map[string]jsonnet.Contents // by where they are
	at    map[[2]string]string        // where a file that another imports is
	size  int
}

// Import implements jsonnet.Importer.
func (i *importer) Import(from, name string) (jsonnet.Contents, string, error) {
	asked := [2]string{from, name}
	if at, ok := i.at[asked]; ok {
		return i.known[at], at, nil
	}
	found, err := i.find(from, name)
	switch {
	case err != nil:
		return jsonnet.Contents{}, "", err
	case found.Err != "":
		return jsonnet.Contents{}, "", errors.New(found.Err)
	}
	if _, ok := i.known[found.At]; !ok {
		if i.size += len(found.Data); i.size > helm.MaxChart {
			return jsonnet.Contents{}, "", fmt.Errorf("it imports more than %d MiB", helm.MaxChart>>20)
		}
		i.known[found.At] = jsonnet.MakeContentsRaw(found.Data)
	}
	i.at[asked] = found.At
	return i.known[found.At], found.At, nil
}

// jsonnetPlace is where an error of Jsonnet is: the first line of its trace, or what stands before a syntax error.
var jsonnetPlace = regexp.MustCompile(`(?m)(?:^|\s)([^\s:]+):\(?(\d+)[:)]`)

// jsonnetError puts an error of Jsonnet at its file and line.
func jsonnetError(file string, err error) *helm.Error {
	text := strings.TrimSpace(err.Error())
	e := &helm.Error{File: file, Hint: "see it with jsonnet " + file}
	if m := jsonnetPlace.FindStringSubmatch(text); m != nil {
		e.File, e.Line = m[1], number(m[2])
	}
	first, _, _ := strings.Cut(text, "\n")
	e.Reason = strings.TrimPrefix(first, "RUNTIME ERROR: ")
	if rest, ok := strings.CutPrefix(e.Reason, e.File+":"); ok {
		if _, after, ok := strings.Cut(rest, " "); ok {
			e.Reason = after
		}
	}
	e.Reason = "jsonnet: " + e.Reason
	return e
}
