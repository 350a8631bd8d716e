package model

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/project"
	"github.com/drover-dev/drover/hub/trust"
	"github.com/drover-dev/drover/protocol"
)

// App is the unit of delivery in a cluster, as Git describes it: what is rendered and how, and what the agent is told.
type App struct {
	Name   string // its key, see package identity
	File   string // repository path of the file that declares it; of the folder for the root app
	Parent string // app whose render declares it; "" if the cluster's folder does
	// Declared is the object that declares it, as "Kustomization media/web"; "" for an App.
	Declared string
	Formerly []string `json:",omitempty"` // names that it had in older releases, see protocol.App

	Project string // that it names; "" for the one of the app that declares it, or the default
	// Bounds are what its project permits of what it renders to; nil if it is in none that is declared.
	Bounds *project.Bounds `json:",omitempty"`

	Part
	More      []Part   // what is rendered beside it; where two parts have the same object, that of the later one counts
	Metadata  Metadata // put on every object, after all else
	Namespace string   // of namespaced objects that name none

	Substitute bool               // replace ${var} in the rendered objects; of a chart, in its values instead
	Vars       map[string]string  // take precedence over the cluster's and over VarsFrom
	VarsFrom   []protocol.VarsRef // objects of the cluster whose data are variables; a later one takes precedence
	// Foreign: written for Flux, so the cluster's vars do not apply, and a variable without a value is "".
	Foreign bool
	// SubstituteEmpty: a Foreign app is substituted even if it has no variables at all.
	SubstituteEmpty bool

	DependsOn []string // apps that must be healthy first
	DependsAt string   // where DependsOn is written, as file:line
	// Absent says of names in DependsOn, for the case that there is no such app, what is meant by them where they are
	// written, and what is there instead; nil if nothing more is known of them.
	Absent  map[string]string `json:",omitempty"`
	Prune   bool              // objects that left the app are deleted
	Suspend bool              // leave the app as it is
	// Manual: its newer content is released by a person. It names the declaration whose apps are released together, as
	// "ApplicationSet argocd/web"; "" releases at once.
	Manual string `json:",omitempty"`
	Intents
	Timeout time.Duration // for becoming healthy; 0: the agent's own

	Ignore   []IgnoreRule      // resolved for the objects they match in Handling.Ignored
	Handling protocol.Handling // what the agent does otherwise than with every app

	Err string // why this app cannot be known; it keeps its last good state
	// Reason is Err for programs; "" where that is that it cannot be rendered.
	Reason protocol.Reason `json:",omitempty"`
	Notes  []fleet.Note    // what is asked for and not done; the app is delivered all the same
}

// Intents are what the author of an app says of changes of it.
type Intents struct {
	AllowEmpty bool // rendering to nothing where there was something is meant, and no error
	// NeverBack: it is not taken back to what it was before, as when it has migrated data.
	NeverBack bool `json:",omitempty"`
	// Deletions: what is deleted of the app is meant, however much it is, and waits for no person.
	Deletions bool `json:",omitempty"`
	// Policies are those of other tools' objects that the app names.
	Policies Policies `json:",omitzero"`
}

// Policies are the names of policies of rollouts that are read from objects of other tools, see rollout.Origin.
type Policies struct {
	Step    string `json:",omitempty"` // of an ApplicationSet's steps
	Windows string `json:",omitempty"` // of an AppProject's windows
}

// PolicyUnclear stands for the name of a policy where it cannot be read which one an app names: then it goes on to name
// those that it named before.
const PolicyUnclear = "?"

// Names are those that there are.
func (p Policies) Names() []string {
	return slices.DeleteFunc([]string{p.Step, p.Windows}, func(name string) bool { return name == "" })
}

// AnnotationRollback with the value "never", on an object that declares an app, is Intents.NeverBack.
const AnnotationRollback = "drover.dev/rollback"

// IntentsOf are those in the annotations of an object that declares an app. unknown is a word that means nothing there.
func IntentsOf(annotations map[string]string) (in Intents, unknown string) {
	in.AllowEmpty, in.Deletions = fleet.AllowsEmpty(annotations), fleet.AllowsDeletions(annotations)
	if word := strings.TrimSpace(annotations[AnnotationRollback]); strings.EqualFold(word, "never") {
		in.NeverBack = true
	} else {
		unknown = word
	}
	return in, unknown
}

// Part is something that is rendered: a folder or a chart.
type Part struct {
	// Objects are what is rendered, in the place of a folder, where what declares the app makes them; nil if it does not.
	Objects []json.RawMessage `json:",omitempty"`
	Path    string            // of the folder to render, or of the chart, seen from the root of Source
	Source  *Source           `json:",omitempty"` // nil for the repository that the hub follows
	Chart   *Chart            // Path leads to a Helm chart; nil if it does not
	Overlay Overlay           // laid over the folder; never over a chart
	// Directory has the folder read as plain manifests, without kustomize; nil if it is not to be.
	Directory *Directory `json:",omitempty"`
	// Plugin has a renderer plugin render the folder; nil does not.
	Plugin *Plugin `json:",omitempty"`
	// Hide leaves files of the repository that the hub follows out; nil leaves none out. Other sources have rules of their
	// own.
	Hide *Hide `json:",omitempty"`
}

// Hide leaves files out as Flux' source-controller does: by .sourceignore files and Rules, or by its own rules if there
// are neither.
type Hide struct {
	Rules string `json:"rules,omitempty"` // as in a .gitignore; they take precedence over those of files
	// Submodules are read; otherwise they are empty folders.
	Submodules bool `json:"submodules,omitempty"`
}

// Parts are all that an app renders.
func (a App) Parts() []Part { return append([]Part{a.Part}, a.More...) }

// Sources are those that are fetched for an app's parts and their values, beside the repository that the hub follows.
func (a App) Sources() []*Source {
	var out []*Source
	add := func(s *Source) {
		if s != nil {
			out = append(out, s.fetched()...)
		}
	}
	for _, p := range a.Parts() {
		add(p.Source)
		if p.Chart == nil {
			continue
		}
		for _, v := range p.Chart.Values {
			add(v.Source)
		}
	}
	return out
}

// Charts says whether a part of an app is a chart.
func (a App) Charts() bool {
	return slices.ContainsFunc(a.Parts(), func(p Part) bool { return p.Chart != nil })
}

// Asks says whether what an app comes to depends on what the API server of its cluster is.
func (a App) Asks() bool {
	return slices.ContainsFunc(a.Parts(), func(p Part) bool { return p.Chart != nil || p.Plugin != nil })
}

// SourceKind says how a Source is fetched.
type SourceKind string

// The kinds of sources.
const (
	SourceGit SourceKind = "git" // a Git repository
	SourceOCI SourceKind = "oci" // an artifact in an OCI registry: a tar archive of files
	// SourceHelm is a chart from a Helm repository over HTTP, or from an OCI registry; its root is the chart's folder.
	SourceHelm SourceKind = "helm"
	// SourceFile is one file over HTTP.
	SourceFile SourceKind = "file"
	// SourceComposed is made of copies out of other sources; its URL is how people are told of it.
	SourceComposed SourceKind = "composed"
	// SourceFollowed is the repository that the hub follows, where copies are made of it.
	SourceFollowed SourceKind = "followed"
)

// OnlyFolder as a Source's Folder is the one folder that is at its root, whatever its name, as archives of charts have
// it.
const OnlyFolder = "*"

// Source is where files are that are not in the repository that the hub follows. Of Branch, Ref, SemVer and Revision at
// most one is set; the newest is followed unless Revision is.
type Source struct {
	Kind     SourceKind `json:"kind"`
	URL      string     `json:"url"`
	Branch   string     `json:"branch,omitempty"`   // of a Git repository; the branch of its HEAD if nothing is said
	Ref      string     `json:"ref,omitempty"`      // a tag or, of Git, a branch without such a tag, or a ref as refs/pull/1/head
	SemVer   string     `json:"semver,omitempty"`   // range of versions that tags, or versions of a chart, are chosen by
	Revision string     `json:"revision,omitempty"` // commit id, or digest as sha256:…
	Chart    string     `json:"chart,omitempty"`    // name of the chart in a Helm repository
	// Folder leaves out all of the files but those below it, which are seen from it then; "" for all.
	Folder string `json:"folder,omitempty"`
	// Credentials names what the hub logs in with, see `drover hub --help`; "" for what it has for the URL.
	Credentials string `json:"credentials,omitempty"`
	// Logins bounds what the hub logs in with, by the project of the app that the source is for; nil does not.
	Logins   *Logins       `json:"logins,omitempty"`
	Interval time.Duration `json:"interval,omitempty"` // how often to look for something newer; 0: the hub's own
	// SourceIgnore leaves files out as Flux does: by its .sourceignore files and Ignore, or by Flux' own rules if there
	// are neither.
	SourceIgnore bool   `json:"sourceIgnore,omitempty"`
	Ignore       string `json:"ignore,omitempty"`     // rules as in a .gitignore
	Submodules   bool   `json:"submodules,omitempty"` // where SourceIgnore is set: as in Hide
	MediaType    string `json:"mediaType,omitempty"`  // of the layer of an OCI artifact that is wanted; "" for the first
	PlainHTTP    bool   `json:"plainHTTP,omitempty"`  // speak http with an OCI registry
	Copies       []Copy `json:"copies,omitempty"`     // of a SourceComposed, in order
	Optional     bool   `json:"optional,omitempty"`   // of a SourceFile: an answer that is no manifest is an empty tree
}

// IgnoreRule names fields that are left to others once the objects exist.
type IgnoreRule struct {
	Target   Target   // which objects; all of the app if it is zero
	Paths    []string `json:",omitempty"` // JSON pointers (RFC 6901)
	JQ       []string `json:",omitempty"` // path expressions of jq, as Argo CD has them
	When     string   `json:",omitempty"` // CEL over the object in Git; objects for which it is false are not meant
	Managers []string `json:",omitempty"` // field managers whose fields are theirs
}

// Chart is what is to become of a Helm chart.
type Chart struct {
	Release  string   `json:"release"`            // .Release.Name; the app's Namespace is .Release.Namespace
	Values   []Values `json:"values,omitempty"`   // merged in order, later ones take precedence
	SkipCRDs bool     `json:"skipCRDs,omitempty"` // leave out what lies in the chart's crds/
	// Parameters are laid over Values in order.
	Parameters []Parameter `json:"parameters,omitempty"`
	SkipSchema bool        `json:"skipSchema,omitempty"` // do not hold the values against values.schema.json
	// Namespace is .Release.Namespace where that is not the app's.
	Namespace   string   `json:"namespace,omitempty"`
	KubeVersion string   `json:"kubeVersion,omitempty"` // instead of what the cluster reported
	APIVersions []string `json:"apiVersions,omitempty"` // instead of what the cluster reported
	// NoDefaults leaves out the chart's own values.yaml, as Flux does for a chart with valuesFiles.
	NoDefaults bool `json:"noDefaults,omitempty"`
	ChartTreatment
}

// ChartTreatment is what a release may ask of a chart's objects beyond the chart and its values. The zero value asks
// nothing.
type ChartTreatment struct {
	CreateCRDs bool     `json:"createCRDs,omitempty"` // what lies in the chart's crds/ is left as it is once it exists
	SkipHooks  []string `json:"skipHooks,omitempty"`  // events, as pre-install, whose hooks are left out
	// PostRender are laid over the rendered objects one after the other: patches and images of them are used.
	PostRender []Overlay `json:"postRender,omitempty"`
	// PostRenderHooks: PostRender is for hooks, too.
	PostRenderHooks bool `json:"postRenderHooks,omitempty"`
}

// Values are values for a chart: a file, a text, or what an object of the cluster holds.
type Values struct {
	Path   string  `json:"path,omitempty"`   // of a file, seen from the root of Source
	Source *Source `json:"source,omitempty"` // nil for the repository that the hub follows
	// Optional: a file that does not exist has no values, instead of an error.
	Optional bool              `json:"optional,omitempty"`
	Text     string            `json:"text,omitempty"` // YAML, as the file that declares the app has it
	From     *protocol.VarsRef `json:"from,omitempty"`
	Key      string            `json:"key,omitempty"` // in the data of From
	// Target is where the value is put, as helm's --set names it: the text is that value, and no YAML. Such values take
	// precedence over all others but those that the release itself says at the same place (Own), by the rules of Flux
	// (fluxcd/pkg/chartutil, ChartValuesFromReferences).
	Target string `json:"target,omitempty"`
	// Literal: the text of Target is taken as it is, and commas and brackets in it mean nothing.
	Literal bool `json:"literal,omitempty"`
	Own     bool `json:"own,omitempty"` // what the release says itself; the last of its values
}

// Overlay is laid over a folder as Flux does it: its fields are merged into the folder's own kustomization, or into the
// one that is made for a plain folder. The zero value changes nothing.
type Overlay struct {
	Namespace  string   `json:"namespace,omitempty"` // replaces the namespace of every namespaced object
	NamePrefix string   `json:"namePrefix,omitempty"`
	NameSuffix string   `json:"nameSuffix,omitempty"`
	Patches    []Patch  `json:"patches,omitempty"`
	Images     []Image  `json:"images,omitempty"`
	Components []string `json:"components,omitempty"` // paths of kustomize components, seen from the folder
	// IgnoreMissing: components that do not exist are left out instead of an error.
	IgnoreMissing bool     `json:"ignoreMissing,omitempty"`
	BuildMetadata []string `json:"buildMetadata,omitempty"` // as kustomize's buildMetadata
	// Flux: the folder is built for Flux, down to what only Flux does: a kustomization without resources gets
	// origin annotations (fluxcd/pkg/kustomize, Generator.GenerateManifest).
	Flux bool  `json:"flux,omitempty"`
	Edit *Edit `json:"edit,omitempty"` // as `kustomize edit` does it; nil changes nothing
}

// IsZero says whether the overlay changes nothing.
func (o Overlay) IsZero() bool {
	return o.Namespace == "" && o.NamePrefix == "" && o.NameSuffix == "" && len(o.Patches) == 0 && len(o.Images) == 0 &&
		len(o.Components) == 0 && len(o.BuildMetadata) == 0 && !o.Flux && o.Edit == nil
}

// Patch is a strategic merge patch or a JSON 6902 patch, written inline, as in kustomize.
type Patch struct {
	Patch   string          `json:"patch"`
	Target  *Target         `json:"target,omitempty"`  // nil: the patch names its object itself
	Path    string          `json:"path,omitempty"`    // of a file that holds the patch, seen from the folder
	Options map[string]bool `json:"options,omitempty"` // as kustomize has them: allowNameChange, allowKindChange
}

// Target chooses the objects of a Patch. Kind, Name and Namespace are regular expressions, as in kustomize.
type Target struct {
	Group              string `json:"group,omitempty"`
	Version            string `json:"version,omitempty"`
	Kind               string `json:"kind,omitempty"`
	Namespace          string `json:"namespace,omitempty"`
	Name               string `json:"name,omitempty"`
	LabelSelector      string `json:"labelSelector,omitempty"`
	AnnotationSelector string `json:"annotationSelector,omitempty"`
}

// Image changes the name, the tag or the digest of a container image, as in kustomize.
type Image struct {
	Name    string `json:"name"`
	NewName string `json:"newName,omitempty"`
	NewTag  string `json:"newTag,omitempty"`
	Digest  string `json:"digest,omitempty"`
}

// Metadata are labels and annotations that every object of an app gets; they replace those of equal keys.
type Metadata struct {
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	// Namespace is that of every namespaced object, whatever it names itself; "" changes none.
	Namespace string `json:"namespace,omitempty"`
}

// IsZero says whether nothing is put on objects.
func (m Metadata) IsZero() bool {
	return len(m.Labels) == 0 && len(m.Annotations) == 0 && m.Namespace == ""
}

// Variables are the cluster's vars with the app's own laid over them; of an app written for Flux its own alone.
func (a App) Variables(c Cluster) map[string]string {
	out := make(map[string]string, len(c.Vars)+len(a.Vars))
	if !a.Foreign {
		for k, v := range c.Vars {
			out[k] = v
		}
	}
	for k, v := range a.Vars {
		out[k] = v
	}
	return out
}

// InProject is the project that the app is in.
func (a App) InProject() string { return cmp.Or(a.Party().Project, a.Project, project.Default) }

// Party is with whose rights the app is delivered, and what it declares is declared.
func (a App) Party() trust.Party {
	p := trust.Party{Account: a.Handling.ServiceAccount}
	if a.Bounds != nil {
		p.Project = a.Bounds.Project.Name
	}
	return p
}

// CompareApps orders apps by name.
func CompareApps(a, b App) int { return cmp.Compare(a.Name, b.Name) }
