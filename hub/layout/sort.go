package layout

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub"
)

// head is what every object says of itself.
type head struct {
	APIVersion, Kind text
	Metadata         struct {
		Name, Namespace     text
		Labels, Annotations map[string]text
	}
	Sops json.RawMessage
	Data json.RawMessage
}

// text is a string in an object of any shape: what is none is taken as it is written.
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(data []byte) error {
	var s string
	if json.Unmarshal(data, &s) != nil && string(data) != "null" {
		s = string(data)
	}
	*t = text(s)
	return nil
}

func (h head) group() string { return fleet.GroupOf(string(h.APIVersion)) }

func (h head) annotations() map[string]string { return stringsOf(h.Metadata.Annotations) }

func (h head) labels() map[string]string { return stringsOf(h.Metadata.Labels) }

func stringsOf(pairs map[string]text) map[string]string {
	out := make(map[string]string, len(pairs))
	for k, v := range pairs {
		out[k] = string(v)
	}
	return out
}

func (h head) String() string {
	return string(h.Kind + " " + h.path())
}

// path is namespace/name, or the name alone.
func (h head) path() text {
	if h.Metadata.Namespace == "" {
		return h.Metadata.Name
	}
	return h.Metadata.Namespace + "/" + h.Metadata.Name
}

// isFlux says whether objects of an API group are for Flux' own controllers.
func isFlux(group string) bool {
	return strings.HasSuffix(group, ".toolkit.fluxcd.io") || group == "source.extensions.fluxcd.io"
}

// Sort implements hub.Layout: what declares apps, and the sources of Flux, is for Drover. The components of Flux and
// Argo CD themselves are for nobody: one that runs beside Drover looks after itself.
func (l *Layout) Sort(objects []hub.Rendered) (hub.Sorted, error) {
	var out hub.Sorted
	components := map[string]bool{} // files that were noted
	for _, o := range objects {
		var h head
		if err := json.Unmarshal(o.JSON, &h); err != nil {
			return out, fmt.Errorf("%s: an object that cannot be read: %w", o.File, err)
		}
		note := func(field, says string) {
			out.Notes = append(out.Notes, fleet.Note{File: o.File, Object: h.String(), Field: field, Text: says})
		}
		group := h.group()
		switch {
		case group == fleet.GroupOf(fleet.APIVersion), lookalike(string(h.APIVersion), string(h.Kind)) != "": // Plan names it
			out.Declared = append(out.Declared, o)
		case isArgo(group, string(h.Kind)):
			out.Declared = append(out.Declared, o)
		case componentOf(o, h) != "":
			if h.Kind == "Namespace" {
				kept, err := keptForever(o)
				if err != nil {
					return out, err
				}
				out.Objects = append(out.Objects, kept)
			}
			if !components[o.File] {
				components[o.File] = true
				out.Notes = append(out.Notes, fleet.Note{File: o.File, Object: componentOf(o, h) + " itself",
					Text: "left out, but for its namespace: Drover does not deliver the components of " + componentOf(o, h) + ", and does not touch those that run"})
			}
		case group == kustomizeGroup, group == "source.toolkit.fluxcd.io", group == helmGroup, group == "source.extensions.fluxcd.io":
			out.Declared = append(out.Declared, o)
		case isFlux(group):
			note("", "left out: it is for a controller of Flux, and Drover has nothing that does this")
		default:
			if out.Encrypted == "" && encrypted(o, h) {
				out.Encrypted = h.String()
				if o.File != "" {
					out.Encrypted = o.File + ": " + out.Encrypted
				}
			}
			for _, u := range fleet.UnmetBy(h.annotations()) {
				note("metadata.annotations."+u.Annotation, u.Text)
			}
			out.Objects = append(out.Objects, o)
		}
	}
	return out, nil
}

// componentOf says of which tool an object is a part: of Flux if it came from what `flux install --export` writes, of
// Argo CD if it has the label of its install manifests; "" if of none.
func componentOf(o hub.Rendered, h head) string {
	switch part := h.Metadata.Labels["app.kubernetes.io/part-of"]; {
	case path.Base(o.File) == "gotk-components.yaml", part == "flux" && h.Metadata.Labels["app.kubernetes.io/instance"] == "flux-system":
		return "Flux"
	case part == "argocd":
		return "Argo CD"
	}
	return ""
}

// keptForever marks the namespace of Flux so that it is never deleted: what stands in it may be others'.
func keptForever(o hub.Rendered) (hub.Rendered, error) {
	var m map[string]any
	if err := json.Unmarshal(o.JSON, &m); err != nil {
		return o, err
	}
	meta, _ := m["metadata"].(map[string]any)
	annotations, ok := meta["annotations"].(map[string]any)
	if !ok {
		annotations = map[string]any{}
	}
	annotations[fleet.AnnotationPrune] = fleet.PruneDisabled
	if meta != nil {
		meta["annotations"] = annotations
	}
	data, err := json.Marshal(m)
	return hub.Rendered{JSON: data, File: o.File}, err
}

// sopsValue is how SOPS begins a value that it encrypted (https://github.com/getsops/sops, README, "Encryption
// Protocol").
var sopsValue = []byte("ENC[AES256_GCM,")

// encrypted says whether an object is encrypted with SOPS: applied as it is, it would replace a secret by its
// ciphertext.
func encrypted(o hub.Rendered, h head) bool {
	if bytes.HasPrefix(bytes.TrimSpace(h.Sops), []byte("{")) && bytes.Contains(o.JSON, sopsValue) {
		return true
	}
	if h.Kind != "Secret" || h.group() != "" {
		return false
	}
	var data map[string]string // a generator may have wrapped an encrypted file
	if json.Unmarshal(h.Data, &data) != nil {
		return false
	}
	for _, v := range data {
		if plain, err := base64.StdEncoding.DecodeString(v); err == nil && bytes.Contains(plain, sopsValue) {
			return true
		}
	}
	return false
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
