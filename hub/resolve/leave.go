package resolve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/opaque"
	"github.com/drover-dev/drover/hub/record"
	"github.com/drover-dev/drover/hub/unlock"
	"github.com/drover-dev/drover/protocol"
)

// variables finds out what an app's VarsFrom say, with its own Vars laid over them, and which of VarsFrom are not
// (yet) among what the cluster is to run, or cannot be read here because they are encrypted.
func (e *expansion) variables(ctx context.Context, m *made) error {
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
		if f.unknown == isEncrypted && m.app.Charts() && len(unlock.Permitted(m.app)) > 0 {
			m.token(f, ref)
			continue
		}
		if f.object == nil || f.unknown != "" || f.assumed != "" {
			m.absent = append(m.absent, ref)
			m.doubt(f, ref)
			continue
		}
		data := map[string]string{}
		if err := unlock.AddData(data, f.object, ref.Kind); err != nil {
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

// token has a chart given tokens for the variables of an encrypted object: see hold.
func (m *made) token(f found, ref protocol.VarsRef) {
	for key := range unlock.Keys(f.object) {
		token := opaque.Value(key, ref)
		m.vars[key] = token.Token
		m.app.Handling.Opaque = opaque.Join(m.app.Handling.Opaque, []protocol.Opaque{token})
	}
}

// doubt takes variables away that an object which is not known here may have, too: it takes precedence over the earlier
// ones. SOPS encrypts values and leaves their keys, so that those alone are in doubt.
func (m *made) doubt(f found, ref protocol.VarsRef) {
	if f.unknown == isEncrypted {
		for key := range unlock.Keys(f.object) {
			delete(m.sure, key)
			delete(m.likely, key)
		}
		return
	}
	if m.sure = map[string]string{}; f.object != nil || !ref.Optional {
		m.likely = map[string]string{}
	}
}

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
		if m.app.Substitute && strings.Contains(m.vars[name], unlock.SOPSValue) {
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
		if !ref.Optional && !m.held.Known() {
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
	switch of := m.result.App.Handling.Opaque; {
	case unlock.Ciphertext(o.JSON):
		f.unknown = isEncrypted
	case !bytes.Equal(opaque.Object(o.JSON, of), o.JSON):
		f.unknown = "the app that delivers it has it from an object whose values only the cluster has"
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

// hold decrypts what an app takes variables and values from with the keys of the hub that its project permits.
// What they do
// not fit, and what only the cluster has, is left to the agent, as without them.
func hold(ctx context.Context, e *expansion, m *made) error {
	if err := holding(ctx, e, m); err != nil || m.held != nil {
		return err
	}
	if ref := unlock.DocumentOf(m.app); ref != nil {
		return &model.CiphertextError{Err: fmt.Errorf("%s: valuesFrom names the %s, which the hub decrypts, and "+
			"takes others from objects "+
			"that only the cluster has: put those into Git as well, or write the values under values", m.app.File, ref)}
	}
	return nil
}

func holding(ctx context.Context, e *expansion, m *made) error {
	refs := unlock.Refs(m.app)
	if m.left() {
		refs = m.app.VarsFrom
	}
	names := unlock.Permitted(m.app)
	if len(names) == 0 || len(refs) == 0 || len(m.app.More) > 0 {
		return nil
	}
	h := unlock.New(e.folder.Cluster.Name, names, e.r.cfg.Keys != nil)
	for _, ref := range refs {
		f, err := e.find(m.app.Party(), protocol.ObjectRef{Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name})
		switch {
		case err != nil:
			return fmt.Errorf("%s: the %s: %w", m.app.File, ref, err)
		case f.object == nil && ref.Optional && m.app.Charts():
			h.Absent(ref)
			continue
		case f.object == nil, f.unknown != "" && f.unknown != isEncrypted, f.assumed != "" && !m.app.Charts():
			return nil
		}
		plain := f.object
		if f.unknown == isEncrypted && h.Known() {
			if plain, err = decrypted(ctx, e, m, ref.String(), names, f.object); plain == nil || err != nil {
				return err
			}
		}
		if err := h.Add(ref, f.object, plain); err != nil {
			return fmt.Errorf("%s: the %s, which is decrypted: %w", m.app.File, ref, err)
		}
	}
	m.held, m.secret = h, append(m.secret, h.Values()...)
	return nil
}

// decrypted is an object of the repository as the hub's keys decrypt it; nil if none of them fits, and a note on
// the app
// says so.
func decrypted(ctx context.Context, e *expansion, m *made, what string, names []string, object []byte) ([]byte, error) {
	plain, err := e.r.cfg.Keys.Decrypt(ctx, names, object)
	if unfit, is := errors.AsType[*model.UnfitError](err); is {
		m.app.Notes = append(slices.Clone(m.app.Notes), fleet.Note{File: m.app.File, Object: "app " + m.app.Name, Text: fmt.Sprintf(
			"the hub does not decrypt the %s with the keys that the project %s permits: %s; it is left to the agent", what,
			m.app.Bounds.Project.Name, unfit.Text)})
		return nil, nil
	}
	if err != nil {
		return nil, &model.CiphertextError{Err: fmt.Errorf("%s: the hub is to decrypt the %s: %w", m.app.File, what, err)}
	}
	return plain, nil
}

// document is a whole document of values of an encrypted object, with tokens; "" if it is not to be decrypted here.
func document(ctx context.Context, e *expansion, app model.App, v model.Values, f found) (string, []protocol.Opaque, error) {
	names := unlock.Permitted(app)
	if f.unknown != isEncrypted || len(names) == 0 || len(app.More) > 0 {
		return "", nil, nil
	}
	data := map[string]string{v.Key: "decrypted: by the hub"}
	if e.r.cfg.Keys != nil {
		plain, err := e.r.cfg.Keys.Decrypt(ctx, names, f.object)
		if err != nil {
			return "", nil, &model.CiphertextError{Err: fmt.Errorf("%s: valuesFrom names the %s, which the hub is to "+
				"decrypt: %w", app.File,
				v.From, err)}
		}
		clear(data)
		if err := unlock.AddData(data, plain, v.From.Kind); err != nil {
			return "", nil, fmt.Errorf("%s: valuesFrom names the %s, which is decrypted: %w", app.File, v.From, err)
		}
	}
	text, tokens := unlock.Document(data[v.Key], v.Key, *v.From)
	return text, tokens, nil
}

// unlocked gives the apps whose projects permit keys of the hub their objects with the values that these decrypt,
// in blobs
// that are for this cluster alone. All else was decided without the values.
func unlocked(ctx context.Context, e *expansion, res *Resolution) error {
	for i := range res.Apps {
		a := &res.Apps[i]
		m, names := e.made[a.App.Name], unlock.Permitted(a.App)
		encrypted := a.App.Handling.Decrypt != nil && m.render != nil && m.render.Encrypted != ""
		if a.Ref == nil || len(names) == 0 || e.r.cfg.Keys == nil || !encrypted && !m.held.Known() {
			continue
		}
		out, left, err := unlockedApp(ctx, e, &m, a, names)
		switch {
		case err != nil:
			return err
		case left != "":
			a.App.Notes = append(slices.Clone(a.App.Notes), fleet.Note{File: a.App.File, Object: "app " + a.App.Name, Text: left +
				"; it is left to the agent"})
		case out.Err != "":
			a.Ref, a.Refs, a.Err, a.Reason = nil, nil, fleet.Conceal(out.Err, m.secret), protocol.ReasonCiphertext
			res.Transient = true
		default:
			a.Ref, a.Refs = &out.Ref, out.Refs
			a.App.Handling.Substitute, a.App.Handling.Opaque = nil, nil
			if a.App.Handling.Decrypt == nil { // so the agent tells nothing of what is in the objects
				a.App.Handling.Decrypt = &protocol.Decryption{}
			}
		}
	}
	return nil
}

// unlockedApp is one of them. left says why it is left to the agent.
func unlockedApp(ctx context.Context, e *expansion, m *made, a *AppResult, names []string) (out *Render, left string, err error) {
	key := memoKey("unlock", struct {
		Cluster, Digest, Held, Sealed string
		Names                         []string
		Metadata                      model.Metadata
		Substitute                    *protocol.Substitution
	}{a.cluster, a.Ref.Digest, m.held.ID(), sealedID(a.sealed), names, a.App.Metadata, a.App.Handling.Substitute})
	out, err = e.r.memo.do(ctx, e.snap, key, func(*record.Recorder) (Render, []model.Packed, error) {
		masked, err := e.r.Objects(*a.Ref)
		if err != nil {
			return Render{}, nil, err
		}
		var plain []model.Rendered
		switch {
		case a.sealed != nil:
			if plain, err = e.r.Objects(*a.sealed); err == nil {
				plain, err = a.App.Metadata.On(plain)
			}
			if err == nil {
				plain, err = unlock.As(masked, plain)
			}
		default:
			plain = slices.Clone(masked)
			for i, o := range plain {
				if left != "" || !unlock.Ciphertext(o.JSON) {
					continue
				}
				of := *m
				object, err := decrypted(ctx, e, &of, "object", names, o.JSON)
				if err != nil {
					return Render{Transient: true, Err: err.Error()}, nil, nil
				}
				if object == nil {
					left = of.app.Notes[len(of.app.Notes)-1].Text
					return Render{Transient: true}, nil, nil
				}
				plain[i].JSON = object
			}
			if s := a.App.Handling.Substitute; s != nil && m.held.Known() {
				masked, plain, err = replaced(e, m, *s, masked, plain)
			}
			if err == nil {
				err = unlock.Alike(masked, plain)
			}
		}
		if errors.Is(err, unlock.ErrNamed) {
			left = a.App.File + ": " + err.Error()
			return Render{Transient: true}, nil, nil
		}
		if err != nil {
			return Render{Transient: true, Err: err.Error()}, nil, nil
		}
		return packFor(e.r, a.cluster, plain)
	})
	return out, left, err
}

func sealedID(b *protocol.Blob) string {
	if b == nil {
		return ""
	}
	return b.ID()
}

// replaced are the objects of an app with its variables replaced, by tokens and by their values.
func replaced(e *expansion, m *made, s protocol.Substitution, masked, plain []model.Rendered) (_, _ []model.Rendered, err error) {
	values, tokens := m.held.Variables(s.From)
	maps.Copy(values, s.Vars)
	maps.Copy(tokens, s.Vars)
	if len(values) == 0 && !s.Always {
		return masked, plain, nil
	}
	if masked, err = e.r.cfg.Substitute(masked, tokens, s.Strict); err != nil {
		return nil, nil, err
	}
	if plain, err = e.r.cfg.Substitute(plain, values, s.Strict); err != nil {
		return nil, nil, fmt.Errorf("%s: its variables cannot be replaced with what the hub decrypts: is a text "+
			"without quotes, in which "+
			"one stands, something else than a text in YAML then?", m.app.File)
	}
	return masked, plain, nil
}
