// Package cmplugin is what an operator configured of renderer plugins: ConfigManagementPlugins, as Argo CD has them,
// and
// programs that speak Drover's plugin contract. It reads them from a folder of the machine, never from a repository,
// and
// runs nothing.
//
// It may import hub/glob and hub/model.
package cmplugin

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// Prefix begins the file name of every program that is a plugin; its name follows.
const Prefix = "drover-plugin-"

// Annotations by which an operator says of a ConfigManagementPlugin what Argo CD has no field for.
const (
	annotationProgram  = "drover.dev/program"  // the program drover-plugin-NAME that renders; the default runs commands
	annotationTenants  = "drover.dev/tenants"  // "true": apps of projects and of service accounts may use it
	annotationWritable = "drover.dev/writable" // "true": it may write to its copy of the source, as in Argo CD
)

const (
	maxConfig  = 1 << 20 // bytes of a file of the configuration
	maxPlugins = 1000
)

// Plugin is one that the operator configured.
type Plugin struct {
	Name     string // by which apps name it: metadata.name, with "-" and spec.version where there is one
	File     string // that configures it
	Program  string // path of the program; "" for the shipped one, which runs commands
	Runs     string // name by which the program describes itself
	Spec     Spec
	Config   []byte // spec, as JSON; nil where a program alone is configured
	Tenants  bool   // apps of tenants may use it
	Writable bool   // it may write to its copy of the source
	Digest   string // of all of this, and of the program
}

// Spec is what is read here of the spec of a ConfigManagementPlugin (argo-cd v3.6, cmpserver/plugin/config.go).
type Spec struct {
	Version          string   `json:"version"`
	Init             Command  `json:"init"`
	Generate         Command  `json:"generate"`
	Discover         Discover `json:"discover"`
	PreserveFileMode bool     `json:"preserveFileMode"`
	ProvideGitCreds  bool     `json:"provideGitCreds"`
}

// Command is a command with its arguments, which follow each other.
type Command struct {
	Command []string `json:"command,omitempty"`
	Args    []string `json:"args,omitempty"`
}

// Line is the whole command.
func (c Command) Line() []string { return slices.Concat(c.Command, c.Args) }

// Discover says which folders are for a plugin, where an app does not say how it is rendered. The first that is set
// counts.
type Discover struct {
	FileName string `json:"fileName"`
	Find     Find   `json:"find"`
}

// Find is a pattern of files, or a command that writes something if the folder is for the plugin.
type Find struct {
	Glob string `json:"glob"`
	Command
}

// IsSet says whether a plugin is discovered at all.
func (d Discover) IsSet() bool { return d.FileName != "" || d.Find.Glob != "" || d.ByCommand() }

// ByCommand says whether a command has to be run to know.
func (d Discover) ByCommand() bool {
	return d.FileName == "" && d.Find.Glob == "" && len(d.Find.Command.Command) > 0
}

// Set are the plugins that the operator configured, by name. A nil one is empty.
type Set struct {
	Dir     string // that they were read from
	plugins []Plugin
}

// Load reads the files *.yaml and *.yml, and the programs drover-plugin-NAME, of a folder; or a single file. "" is no
// plugin. An error says what is wrong with the configuration.
func Load(dir string) (*Set, error) {
	if dir == "" {
		return nil, nil
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("the renderer plugins: %w: name a folder with ConfigManagementPlugins, or one file", err)
	}
	s := &Set{Dir: dir}
	names := []string{dir}
	if info.IsDir() {
		if names, err = filepath.Glob(filepath.Join(escaped(dir), "*")); err != nil {
			return nil, err
		}
	} else {
		s.Dir = filepath.Dir(dir)
	}
	programs := map[string]string{} // by name
	for _, name := range names {
		if of, is := strings.CutPrefix(filepath.Base(name), Prefix); is && isProgram(name) {
			programs[strings.TrimSuffix(of, ".exe")] = name
		}
	}
	for _, name := range names {
		if ext := filepath.Ext(name); ext != ".yaml" && ext != ".yml" {
			continue
		}
		if err := s.read(name, programs); err != nil {
			return nil, fmt.Errorf("the renderer plugins: %s: %w", name, err)
		}
	}
	for of, name := range programs {
		if !slices.ContainsFunc(s.plugins, func(p Plugin) bool { return p.Program == name }) {
			p := Plugin{Name: of, File: name, Program: name, Runs: of}
			if err := p.sum(); err != nil {
				return nil, fmt.Errorf("the renderer plugins: %w", err)
			}
			s.plugins = append(s.plugins, p)
		}
	}
	slices.SortFunc(s.plugins, func(a, b Plugin) int { return cmp.Compare(a.Name, b.Name) })
	for i, p := range s.plugins[min(1, len(s.plugins)):] {
		if before := s.plugins[i]; before.Name == p.Name {
			return nil, fmt.Errorf("the renderer plugins: %s and %s both configure %q: rename one", before.File, p.File, p.Name)
		}
	}
	return s, nil
}

// escaped is a path as filepath.Glob takes it literally.
func escaped(dir string) string {
	return regexp.MustCompile(`[*?\[\\]`).ReplaceAllString(dir, `\$0`)
}

func isProgram(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// separator is a line between YAML documents.
var separator = regexp.MustCompile(`(?m)^---([ \t].*)?\r?$`)

// read takes in the ConfigManagementPlugins of a file. What is of another kind is refused: it would be a mistake that
// nobody notices.
func (s *Set) read(file string, programs map[string]string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	switch {
	case err != nil:
		return err
	case len(data) > maxConfig:
		return fmt.Errorf("it has more than %d KiB: is it a ConfigManagementPlugin?", maxConfig>>10)
	}
	for _, text := range separator.Split(string(data), -1) {
		body, err := yaml.YAMLToJSONStrict([]byte(text))
		if err != nil {
			return err
		}
		if string(body) == "null" {
			continue
		}
		p, err := parse(body, programs)
		if err != nil {
			return err
		}
		p.File = file
		if err := p.sum(); err != nil {
			return err
		}
		if s.plugins = append(s.plugins, p); len(s.plugins) > maxPlugins {
			return fmt.Errorf("there are more than %d plugins", maxPlugins)
		}
	}
	return nil
}

// validName is what a plugin may be called: what it is called in errors, and in the names of files.
var validName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)

// parse reads a ConfigManagementPlugin.
func parse(body []byte, programs map[string]string) (Plugin, error) {
	var object struct {
		APIVersion, Kind string
		Metadata         struct {
			Name        string
			Annotations map[string]string
		}
		Spec json.RawMessage
	}
	if err := json.Unmarshal(body, &object); err != nil {
		return Plugin{}, err
	}
	if object.APIVersion != "argoproj.io/v1alpha1" || object.Kind != "ConfigManagementPlugin" {
		return Plugin{}, fmt.Errorf("a %s of %q: only ConfigManagementPlugins of argoproj.io/v1alpha1 belong here; of a "+
			"ConfigMap with one, take the text of its plugin.yaml", object.Kind, object.APIVersion)
	}
	p := Plugin{Name: object.Metadata.Name, Config: object.Spec, Runs: "command",
		Tenants:  object.Metadata.Annotations[annotationTenants] == "true",
		Writable: object.Metadata.Annotations[annotationWritable] == "true"}
	if len(p.Config) == 0 {
		p.Config = []byte("{}")
	}
	if err := json.Unmarshal(p.Config, &p.Spec); err != nil {
		return Plugin{}, fmt.Errorf("the ConfigManagementPlugin %s: %w", p.Name, err)
	}
	if p.Spec.Version != "" {
		p.Name += "-" + p.Spec.Version
	}
	if of := object.Metadata.Annotations[annotationProgram]; of != "" {
		if p.Runs, p.Program = of, programs[of]; p.Program == "" {
			return Plugin{}, fmt.Errorf("the ConfigManagementPlugin %s names the program %q (%s), and no program %s%s is "+
				"beside it",
				p.Name, of, annotationProgram, Prefix, of)
		}
	}
	return p, p.check()
}

func (p Plugin) check() error {
	switch {
	case len(p.Name) > 200 || !validName.MatchString(p.Name):
		return fmt.Errorf("%.80q is no name of a ConfigManagementPlugin: write letters, digits, dots and dashes", p.Name)
	case p.Program == "" && len(p.Spec.Generate.Command) == 0:
		return fmt.Errorf("the ConfigManagementPlugin %s has no spec.generate.command: say what is to be run", p.Name)
	case p.Spec.ProvideGitCreds:
		return fmt.Errorf("the ConfigManagementPlugin %s has spec.provideGitCreds: plugins are given no credentials "+
			"here: take "+
			"it out, and name what is in other repositories as sources of the app", p.Name)
	}
	return nil
}

// sum makes the digest.
func (p *Plugin) sum() error {
	h := sha256.New()
	fmt.Fprintf(h, "1\x00%s\x00%t\x00%t\x00", p.Name, p.Tenants, p.Writable)
	h.Write(p.Config)
	if p.Program != "" {
		f, err := os.Open(p.Program)
		if err != nil {
			return err
		}
		defer f.Close()
		if _, err := io.Copy(h, f); err != nil {
			return err
		}
	}
	p.Digest = hex.EncodeToString(h.Sum(nil)[:16])
	return nil
}

// Digest is that of all plugins; "" if there are none.
func (s *Set) Digest() string {
	if s == nil || len(s.plugins) == 0 {
		return ""
	}
	h := sha256.New()
	for _, p := range s.plugins {
		fmt.Fprintln(h, p.Name, p.Digest)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Names are the names of the plugins, sorted.
func (s *Set) Names() (out []string) {
	if s == nil {
		return nil
	}
	for _, p := range s.plugins {
		out = append(out, p.Name)
	}
	return out
}

// Named is the plugin of a name; nil if there is none.
func (s *Set) Named(name string) *Plugin {
	if s == nil {
		return nil
	}
	at := slices.IndexFunc(s.plugins, func(p Plugin) bool { return p.Name == name })
	if at < 0 {
		return nil
	}
	return &s.plugins[at]
}

// Discovered are the plugins that may be found by what is in a folder, in the order in which they are asked.
func (s *Set) Discovered() (out []*Plugin) {
	if s == nil {
		return nil
	}
	for i := range s.plugins {
		if s.plugins[i].Spec.Discover.IsSet() {
			out = append(out, &s.plugins[i])
		}
	}
	return out
}

// Unknown is the error of a plugin that is not configured.
func (s *Set) Unknown(name string) error {
	if names := s.Names(); len(names) > 0 {
		return fmt.Errorf("no renderer plugin %q is configured, but %s: correct the name, or have the operator add a "+
			"ConfigManagementPlugin of it to the folder that --renderer-plugins names", name, strings.Join(names, ", "))
	}
	return errors.New("no renderer plugin " + fmt.Sprintf("%q", name) +
		" is configured: have the operator put a ConfigManagementPlugin of it " +
		"into a folder, and name that with --renderer-plugins; or put what the plugin gives into Git")
}
