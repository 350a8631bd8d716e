package worker

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/helm"
	"github.com/drover-dev/drover/hub/model"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// output collects objects. After the first error it takes no more.
type output struct {
	render  *render
	objects []model.Rendered
	err     error
}

// add takes the documents of a rendered text.
func (o *output) add(file, text string) {
	documents := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(text)))
	for o.err == nil {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err == nil {
			document, err = yaml.YAMLToJSON(document)
		}
		if err != nil {
			o.refuse(file, noYAML(err), seeText)
			return
		}
		o.object(file, document)
	}
}

const seeText = "helm template --debug shows the rendered text; quote values and check the indentation"

// object takes one object in canonical JSON, a list by its items, and nothing of an empty document.
func (o *output) object(file string, data []byte) {
	if bytes.Equal(data, []byte("null")) || bytes.Equal(data, []byte("{}")) {
		return
	}
	var head struct {
		APIVersion string          `json:"apiVersion"`
		Kind       string          `json:"kind"`
		Items      json.RawMessage `json:"items"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		o.refuse(file, "its rendered text is no Kubernetes object", seeText)
		return
	}
	var items []json.RawMessage
	if strings.HasSuffix(head.Kind, "List") && json.Unmarshal(head.Items, &items) == nil {
		for _, item := range items {
			o.object(file, item)
		}
		return
	}
	switch {
	case head.APIVersion == "" || head.Kind == "":
		o.refuse(file, "an object lacks apiVersion or kind", "is the text around it rendered as meant? helm template --debug shows it")
	case len(o.objects) >= helm.MaxObjects:
		o.refuse(file, fmt.Sprintf("the chart gives more than %d objects", helm.MaxObjects), "split the chart")
	default:
		o.objects = append(o.objects, model.Rendered{JSON: data, File: file})
	}
}

func (o *output) refuse(file, reason, hint string) {
	if o.err == nil {
		o.err = &helm.Error{Chart: o.render.job.Chart, File: file, Reason: reason, Hint: hint}
	}
}

// noYAML says by which rule, and on which of its lines, a rendered text is no YAML. It may be a Secret, so nothing of
// it is told.
func noYAML(err error) string {
	reason := "its rendered text is no YAML: "
	if line := yamlLine(err); line > 0 {
		reason += fmt.Sprintf("line %d: ", line)
	}
	return reason + fleet.YAMLRule(err)
}
