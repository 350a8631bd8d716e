package layout

import (
	"encoding/json"
	"fmt"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/native"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// Sort implements model.Layout: what declares apps, and what apps need, is for Drover. The components of the tools
// themselves are for nobody: one that runs beside Drover looks after itself.
func (l *Layout) Sort(objects []model.Rendered) (model.Sorted, error) {
	s := sorter{layout: l, dialects: l.dialects(), components: map[string]bool{}}
	for _, o := range objects {
		if err := s.sort(o); err != nil {
			return s.out, err
		}
	}
	return s.out, nil
}

// sorter sorts rendered objects.
type sorter struct {
	layout     *Layout
	dialects   []planning.Dialect
	components map[string]bool // files that were noted
	out        model.Sorted
}

func (s *sorter) sort(o model.Rendered) error {
	var h document.Head
	if err := json.Unmarshal(o.JSON, &h); err != nil {
		return fmt.Errorf("%s: an object that cannot be read: %w", o.File, err)
	}
	if native.IsNative(h.Group()) || s.layout.lookalike(string(h.APIVersion), string(h.Kind)) != "" { // Plan names it
		s.out.Declared = append(s.out.Declared, o)
		return nil
	}
	for _, d := range s.dialects {
		if by, ok := d.(planning.Adviser); ok {
			s.out.Notes = append(s.out.Notes, by.Advise(o, h)...)
		}
		switch d.Sort(o.File, h) {
		case planning.NotMine:
			continue
		case planning.Declares:
			s.out.Declared = append(s.out.Declared, o)
		case planning.Component:
			return s.component(d.Kinds().Tool, o, h)
		case planning.LeftOut:
			tool := d.Kinds().Tool
			s.note(o, h, "", "left out: it is for a controller of "+tool+", and Drover has nothing that does this")
		}
		return nil
	}
	if err := checkPlaceholders(o, h); err != nil {
		return err
	}
	s.deliver(o, h)
	return nil
}

// component leaves out a part of a tool, but for its namespace.
func (s *sorter) component(tool string, o model.Rendered, h document.Head) error {
	if h.Kind == "Namespace" {
		kept, err := keptForever(o)
		if err != nil {
			return err
		}
		s.out.Objects = append(s.out.Objects, kept)
	}
	if !s.components[o.File] {
		s.components[o.File] = true
		s.out.Notes = append(s.out.Notes, fleet.Note{File: o.File, Object: tool + " itself",
			Text: "left out, but for its namespace: Drover does not deliver the components of " + tool + ", and does not " +
				"touch those that run"})
	}
	return nil
}

// deliver takes an object for the cluster.
func (s *sorter) deliver(o model.Rendered, h document.Head) {
	if s.out.Encrypted == "" && document.Encrypted(o, h) {
		s.out.Encrypted = placed(o, h)
	}
	if s.out.Ciphertext == "" && document.Ciphertext(o, h) {
		s.out.Ciphertext = placed(o, h)
	}
	for _, u := range fleet.UnmetBy(h.Annotations()) {
		s.note(o, h, "metadata.annotations."+u.Annotation, u.Text)
	}
	s.out.Objects = append(s.out.Objects, o)
}

// placed names an object, with the file that it comes from if that is known.
func placed(o model.Rendered, h document.Head) string {
	if o.File == "" {
		return h.String()
	}
	return o.File + ": " + h.String()
}

func (s *sorter) note(o model.Rendered, h document.Head, field, says string) {
	s.out.Notes = append(s.out.Notes, fleet.Note{File: o.File, Object: h.String(), Field: field, Text: says})
}

// keptForever marks the namespace of Flux so that it is never deleted: what stands in it may be others'.
func keptForever(o model.Rendered) (model.Rendered, error) {
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
	return model.Rendered{JSON: data, File: o.File}, err
}
