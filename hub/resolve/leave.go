package resolve

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/opaque"
	"github.com/drover-dev/drover/protocol"
)

// variables finds out what an app's VarsFrom say, with its own Vars laid over them, and which of VarsFrom are not
// (yet) among what the cluster is to run, or cannot be read here because they are encrypted.
func (e *expansion) variables(m *made) error {
	m.vars, m.sure, m.likely = map[string]string{}, map[string]string{}, map[string]string{}
	for _, ref := range m.app.VarsFrom {
		f, err := e.find(m.app.Party(), protocol.ObjectRef{Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name})
		if err != nil {
			return fmt.Errorf("%s: substituteFrom names the %s: %w", m.app.File, ref, err)
		}
		if f.by == m.app.Name && f.unsure != "" {
			return fmt.Errorf("%s: the app %s does not settle: it takes variables from the %s, which it delivers itself "+
				"with ${%s} in it: "+
				"take them from an object that does not depend on them", m.app.File, m.app.Name, ref, f.unsure)
		}
		if f.object == nil || f.unknown != "" || f.assumed != "" {
			m.absent = append(m.absent, ref)
			m.doubt(f, ref)
			continue
		}
		data := map[string]string{}
		if err := addData(data, f.object, ref.Kind); err != nil {
			return fmt.Errorf("%s: substituteFrom names the %s: %w", m.app.File, ref, err)
		}
		if m.app.Foreign && m.app.Substitute {
			if _, err := e.r.cfg.Substitute(nil, data, false); err != nil { // it is told of the object that has the name
				return fmt.Errorf("%s: substituteFrom names the %s: %w (Flux refuses it, too)", m.app.File, ref, err)
			}
		}
		if ref.Kind == "Secret" {
			m.secret = slices.AppendSeq(m.secret, maps.Values(data))
		}
		maps.Copy(m.vars, data)
		maps.Copy(m.sure, data)
		maps.Copy(m.likely, data)
	}
	maps.Copy(m.vars, m.own)
	maps.Copy(m.sure, m.own)
	maps.Copy(m.likely, m.own)
	return nil
}

// doubt takes variables away that an object which is not known here may have, too: it takes precedence over the earlier
// ones. SOPS encrypts values and leaves their keys, so that those alone are in doubt.
func (m *made) doubt(f found, ref protocol.VarsRef) {
	var o struct{ Data, StringData map[string]any }
	if f.unknown == isEncrypted && json.Unmarshal(f.object, &o) == nil {
		for _, keys := range []map[string]any{o.Data, o.StringData} {
			for key := range keys {
				delete(m.sure, key)
				delete(m.likely, key)
			}
		}
		return
	}
	if m.sure = map[string]string{}; f.object != nil || !ref.Optional {
		m.likely = map[string]string{}
	}
}

// sopsValue is how SOPS begins a value that it encrypted (https://github.com/getsops/sops, README, "Encryption
// Protocol").
var sopsValue = []byte("ENC[AES256_GCM,")

// What is said of objects that hold ciphertext, after their names.
const (
	isEncrypted = "it is encrypted with SOPS"
	undecrypted = " is encrypted with SOPS, and the app does not say that it is to be decrypted: write spec.decryption {provider: sops} " +
		"where the app is declared (an App of Drover, or a Kustomization of Flux), or keep the object out of the app"
	undecryptable = " holds a value that is encrypted with SOPS, and no metadata of SOPS to decrypt it by: encrypt the object as a whole " +
		"(sops encrypt), or have a secretGenerator put the encrypted file into a Secret"
)

// sealed is an error if one of the app's variables is ciphertext.
func (m *made) sealed() error {
	for _, name := range slices.Sorted(maps.Keys(m.vars)) {
		if m.app.Substitute && strings.Contains(m.vars[name], string(sopsValue)) {
			return &model.CiphertextError{Err: fmt.Errorf("%s: the value of the variable %s is encrypted with SOPS, and would be used as it is: "+
				"deliver it in an encrypted Secret, and take the variable from that (substituteFrom)", m.app.File, name)}
		}
	}
	return nil
}

// left says whether it is left to the agent to replace an app's variables, because some are known in the cluster alone.
func (m *made) left() bool { return m.app.Substitute && !m.app.Charts() && len(m.absent) > 0 }

// leave gives the app as the agent is to handle it.
func (m *made) leave() model.App {
	app := m.app
	app.Handling.Substitute = &protocol.Substitution{Vars: m.own, From: app.VarsFrom, Strict: !app.Foreign, Always: !app.Foreign || app.SubstituteEmpty}
	app.Metadata = model.Metadata{Labels: unreplaced(app.Metadata.Labels), Annotations: unreplaced(app.Metadata.Annotations),
		Namespace: app.Metadata.Namespace}
	for _, ref := range m.absent {
		if !ref.Optional {
			app.Notes = append(slices.Clone(app.Notes), fleet.Note{File: app.File, Object: "app " + app.Name, Text: fmt.Sprintf("the %s, from which it takes variables, "+
				"is not among what %s, or is encrypted there: the agent takes them from the "+
				"cluster, and the app waits until it is there", ref, suppliers(app.Party()))})
		}
	}
	return app
}

// unreplaced gives metadata as it has to be written for the agent to leave it as it is: no variables are replaced in
// it.
func unreplaced(pairs map[string]string) map[string]string {
	if pairs == nil {
		return nil
	}
	out := make(map[string]string, len(pairs))
	for k, v := range pairs {
		out[k] = strings.ReplaceAll(v, "${", "$${")
	}
	return out
}

// used finds the variables in a text.
var used = regexp.MustCompile(`\$+\{([_A-Za-z][_A-Za-z0-9]*)`)

// content is an object as it will be in the cluster, or why that is known in the cluster alone.
func (e *expansion) content(m *made, o model.Rendered) (found, error) {
	f := found{object: o.JSON, by: m.app.Name}
	switch {
	case ciphertext(o.JSON):
		f.unknown = isEncrypted
	case m.left():
		vars := m.sure
		if m.unsure(o.JSON, vars) != m.unsure(o.JSON, m.likely) {
			vars, f.assumed = m.likely, m.optional()
		}
		if f.unsure = m.unsure(o.JSON, vars); f.unsure != "" {
			f.unknown = fmt.Sprintf("${%s} in it may come from the %s in the cluster", f.unsure, m.absent[0])
			if o = opaque.Data(o, vars, m.app.VarsFrom); m.unsure(o.JSON, vars) != "" {
				break
			}
			f.opaque = o.Opaque
		}
		replaced, err := e.r.cfg.Substitute([]model.Rendered{o}, vars, !m.app.Foreign)
		if err != nil {
			return f, err
		}
		f.object = replaced[0].JSON
	}
	return f, nil
}

// ciphertext says whether an object is encrypted with SOPS, or holds an encrypted file in base64.
func ciphertext(object []byte) bool {
	if bytes.Contains(object, sopsValue) {
		return true
	}
	data := map[string]string{}
	if addData(data, object, "Secret") != nil {
		return false
	}
	for _, v := range data {
		if strings.Contains(v, string(sopsValue)) {
			return true
		}
	}
	return false
}

// unsure names a variable in an object that is not among vars, so that the agent alone may know it; "" if there is
// none.
func (m *made) unsure(object []byte, vars map[string]string) string {
	for _, u := range used.FindAllSubmatch(object, -1) {
		name := string(u[1])
		if _, known := vars[name]; !known && bytes.Count(u[0], []byte("$"))%2 == 1 {
			return name
		}
	}
	return ""
}

// optional is the first object of the app's variables that is taken not to be in the cluster.
func (m *made) optional() string {
	for _, ref := range m.absent {
		if ref.Optional {
			return ref.String()
		}
	}
	return ""
}

// declaredBy is the render of an app whose variables are left to the agent, with those replaced in what declares apps
// that are certain here. Where others are used, nobody can know what is declared: that is said of it.
func (e *expansion) declaredBy(m *made) (*Render, error) {
	out := *m.render
	out.Declared = slices.Clone(out.Declared)
	for i, o := range out.Declared {
		if name := m.unsure(o.JSON, m.sure); name != m.unsure(o.JSON, m.likely) {
			out.Notes = append(slices.Clone(out.Notes), fleet.Note{File: o.File, Object: "app " + m.app.Name,
				Text: fmt.Sprintf("${%s} "+
					"in what it declares is replaced as if there were no %s in the cluster, which is optional: apps are declared "+
					"before the cluster sees anything", name, m.optional())})
		}
		o = opaque.Release(o, m.likely, m.app.VarsFrom)
		if name := m.unsure(o.JSON, m.likely); name != "" {
			o.Err = fmt.Sprintf("%s: ${%s} is used in it, which may come from the %s in the cluster, and apps are declared "+
				"before the cluster sees anything: give it a value in Git, where the app %s is declared, or declare this "+
				"elsewhere", placeOf(e.snap, o, "${"+name), name, absentOf(m.absent), m.app.Name)
		}
		if o.Err == "" {
			replaced, err := e.r.cfg.Substitute([]model.Rendered{o}, m.likely, !m.app.Foreign)
			if err != nil {
				return nil, err
			}
			o.JSON = replaced[0].JSON
		}
		out.Declared[i] = o
	}
	return &out, nil
}

// placeOf names an object of a tree, with the file and the first line that holds a text.
func placeOf(tree model.Tree, o model.Rendered, text string) string {
	place := o.File
	data, err := tree.ReadFile(o.File)
	if at := bytes.Index(data, []byte(text)); err == nil && at >= 0 {
		place = fmt.Sprintf("%s:%d", o.File, bytes.Count(data[:at], []byte("\n"))+1)
	}
	var head struct {
		Kind     string
		Metadata struct{ Namespace, Name string }
	}
	if json.Unmarshal(o.JSON, &head) != nil {
		return place
	}
	return fmt.Sprintf("%s: %s %s", place, head.Kind, strings.TrimPrefix(head.Metadata.Namespace+"/"+head.Metadata.Name, "/"))
}

// absentOf lists objects that only the cluster has, at most three.
func absentOf(refs []protocol.VarsRef) string {
	var names []string
	for _, ref := range refs {
		names = append(names, ref.String())
	}
	if len(names) > 3 {
		names = append(names[:3], fmt.Sprintf("%d more", len(refs)-3))
	}
	return strings.Join(names, " or the ")
}
