// Package manifest writes what is applied to a cluster to install its agent. It may import protocol.
//
// agent.yaml is its one source: a template that Helm reads too, so it is limited to the template functions of which
// this package has its own. The chart, the kustomize base and the manifest that is printed are all made of it.
package manifest

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/protocol"
)

// Template is the source of all manifests: a template for the functions that Helm has.
//
//go:embed agent.yaml
var Template string

// What the objects are called, beside the namespace.
const (
	Name       = "drover-agent"                     // of the DaemonSet, its ServiceAccount and all that gives it rights
	Label      = "app.kubernetes.io/part-of=drover" // on every object
	JoinSecret = "drover-join"
	JoinKey    = "join.json" // in JoinSecret
	// LeaderAccount is the ServiceAccount whose tokens the pod that leads asks for, and LeaderFlag the flag that names it
	// to the agent. A manifest without is of before, when every pod had all rights.
	LeaderAccount = "drover-leader"
	LeaderFlag    = "--leader-account="
	// CredentialSecret is where the agent keeps what it joined with. It makes that itself: no manifest holds it.
	CredentialSecret = "drover-credential"
	CredentialKey    = "credential.json"
)

// Agent is an agent to install.
type Agent struct {
	Cluster      string
	Namespace    string // its own; protocol.CheckName holds for it
	Image        string
	Join         []byte            // the JSON of a protocol.JoinToken; no Secret is written without
	Scope        []string          // the only namespaces it may touch; anything in the cluster, if there are none
	Proxy        string            // URL of the HTTP proxy that it reaches the hub by, if any
	NoProxy      string            // hosts that it reaches without, separated by commas
	NodeSelector map[string]string // labels of the nodes that it runs on; all, if empty
	// LeaderNodes says which nodes may lead: ControlPlane, which "" stands for, AllNodes, or a label as KEY or KEY=VALUE.
	LeaderNodes string
	Form        string // FormDaemonSet, which "" stands for, or FormDeployment
	// Answers are the kinds of questions that it answers, as its flag --answers has them; "" for its own default.
	Answers string
}

var (
	// image is what an image reference may hold: enough to keep a typing mistake from becoming YAML.
	image = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/@-]*$`)
	// label is the key of a node's label.
	label      = regexp.MustCompile(`^([a-z0-9][a-z0-9.-]*/)?[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)
	labelValue = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`)
	noProxy    = regexp.MustCompile(`^[A-Za-z0-9.,:/*_-]*$`)
)

// Which nodes may lead, if not those with a label of people's choice.
const (
	ControlPlane = "control-plane"
	AllNodes     = "all"
	// ControlPlaneLabel is on the nodes of the control plane.
	ControlPlaneLabel = "node-role.kubernetes.io/control-plane"
)

// The forms that an agent comes in.
const (
	FormDaemonSet  = "daemonset"
	FormDeployment = "deployment"
)

// ByDigest says whether an image reference names its content. A tag may be moved to another image by every user who can
// write to the registry, and the agent may do anything in its cluster.
func ByDigest(ref string) bool { return strings.Contains(ref, "@sha256:") }

// TagWarning warns a user who names the agent's image by a tag; "" if that is a digest.
func TagWarning(ref string) string {
	if ByDigest(ref) {
		return ""
	}
	return fmt.Sprintf("warning: the image %s is named by a tag, which who can write to the registry may move to another image: "+
		"name it by digest, as NAME@sha256:…", ref)
}

// CheckImage says what is wrong with an image reference.
func CheckImage(ref string) error {
	if !image.MatchString(ref) {
		return fmt.Errorf("the image %q is no image reference", ref)
	}
	return nil
}

// Check says what is wrong with an agent, its token aside.
func Check(a Agent) error {
	if err := protocol.CheckName(a.Cluster); err != nil {
		return fmt.Errorf("the cluster: %w", err)
	}
	if err := protocol.CheckName(a.Namespace); err != nil {
		return fmt.Errorf("the namespace: %w", err)
	}
	if err := CheckImage(a.Image); err != nil {
		return err
	}
	for i, ns := range a.Scope {
		if err := protocol.CheckName(ns); err != nil {
			return fmt.Errorf("a namespace of the scope: %w", err)
		}
		if ns == a.Namespace {
			return fmt.Errorf("the scope names %s, which is the agent's own namespace: it holds the agent's credential, so deliver nothing there", ns)
		}
		if slices.Contains(a.Scope[:i], ns) {
			return fmt.Errorf("the scope names %s twice", ns)
		}
	}
	if err := checkProxy(a); err != nil {
		return err
	}
	if err := checkLeaderNodes(a.LeaderNodes); err != nil {
		return err
	}
	if a.Form != "" && a.Form != FormDaemonSet && a.Form != FormDeployment {
		return fmt.Errorf("the form %q: choose %s or %s", a.Form, FormDaemonSet, FormDeployment)
	}
	if a.Answers != "" {
		if _, err := protocol.ParseQuestionKinds(a.Answers); err != nil {
			return fmt.Errorf("what it answers: %w", err)
		}
	}
	for key, value := range a.NodeSelector {
		if !label.MatchString(key) || value != "" && !label.MatchString(value) {
			return fmt.Errorf("the node selector %q=%q is no label", key, value)
		}
	}
	return nil
}

// checkLeaderNodes refuses a label that a node could put on itself: a node that was taken over could decide that it may
// lead.
func checkLeaderNodes(nodes string) error {
	if nodes == "" || nodes == ControlPlane || nodes == AllNodes {
		return nil
	}
	key, value, given := strings.Cut(nodes, "=")
	if !label.MatchString(key) || given && !labelValue.MatchString(value) {
		return fmt.Errorf("the nodes that may lead, %q: give %s, %s or a label as KEY or KEY=VALUE", nodes, ControlPlane, AllNodes)
	}
	domain, _, _ := strings.Cut(key, "/")
	if domain != "node-role.kubernetes.io" && domain != "node-restriction.kubernetes.io" &&
		!strings.HasSuffix(domain, ".node-restriction.kubernetes.io") {
		return fmt.Errorf("the nodes that may lead have the label %s, which a kubelet may put on its own node: use one as "+
			"node-restriction.kubernetes.io/NAME, which only an administrator may", key)
	}
	return nil
}

// checkProxy keeps the address to itself: it may hold a password.
func checkProxy(a Agent) error {
	if a.Proxy != "" {
		u, err := url.Parse(a.Proxy)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
			return errors.New("the proxy is no URL as http://proxy.example.com:3128")
		}
	}
	if a.NoProxy != "" && a.Proxy == "" {
		return errors.New("hosts that are reached without the proxy are named, and no proxy")
	}
	if !noProxy.MatchString(a.NoProxy) {
		return fmt.Errorf("the hosts %q that are reached without the proxy are no list of names, addresses and networks separated by commas", a.NoProxy)
	}
	return nil
}

// values are what the template is filled with, by the names that they have in the chart.
type values struct {
	Cluster         string            `json:"cluster"`
	Image           string            `json:"image"`
	Join            string            `json:"join"`
	Scope           []string          `json:"scope"`
	Proxy           string            `json:"proxy"`
	NoProxy         string            `json:"noProxy"`
	NodeSelector    map[string]string `json:"nodeSelector"`
	LeaderNodes     string            `json:"leaderNodes"`
	Form            string            `json:"form"`
	Answers         string            `json:"answers"`
	CreateNamespace bool              `json:"createNamespace"`
}

func (a Agent) values() values {
	v := values{Cluster: a.Cluster, Image: a.Image, Join: string(a.Join), Scope: a.Scope, Proxy: a.Proxy, NoProxy: a.NoProxy, NodeSelector: a.NodeSelector,
		LeaderNodes: cmp.Or(a.LeaderNodes, ControlPlane), Form: cmp.Or(a.Form, FormDaemonSet), Answers: a.Answers}
	if v.Scope == nil {
		v.Scope = []string{}
	}
	if v.NodeSelector == nil {
		v.NodeSelector = map[string]string{}
	}
	return v
}

// WriteValues writes the values that give the chart drover-agent the objects of WriteAgent, but for the namespace,
// which is Helm's.
func WriteValues(w io.Writer, a Agent) error {
	if err := Check(a); err != nil {
		return err
	}
	data, err := yaml.Marshal(a.values())
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

// WriteAgent writes the manifest of an agent: namespace, rights, join token and DaemonSet.
func WriteAgent(w io.Writer, a Agent) error {
	if err := Check(a); err != nil {
		return err
	}
	v := a.values()
	v.CreateNamespace = true
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var filling struct {
		Values  map[string]any
		Release struct{ Namespace string }
	}
	if err := json.Unmarshal(data, &filling.Values); err != nil { // so that the names are those of the chart
		return err
	}
	filling.Release.Namespace = a.Namespace
	var out bytes.Buffer
	if err := parsed.Execute(&out, filling); err != nil {
		return err
	}
	_, err = out.WriteTo(w)
	return err
}

// parsed is the template with the functions that it uses, each as Helm has it.
var parsed = template.Must(template.New("agent.yaml").Option("missingkey=error").Funcs(template.FuncMap{
	"b64enc":     func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"join":       joined,
	"quote":      func(s string) string { return strconv.Quote(s) },
	"sha256sum":  func(s string) string { sum := sha256.Sum256([]byte(s)); return hex.EncodeToString(sum[:]) },
	"splitn":     splitn,
	"trimSuffix": func(suffix, s string) string { return strings.TrimSuffix(s, suffix) },
	"trunc":      func(n int, s string) string { return s[:min(n, len(s))] },
}).Parse(Template))

func joined(separator string, list []any) string {
	words := make([]string, len(list))
	for i, v := range list {
		words[i] = fmt.Sprint(v)
	}
	return strings.Join(words, separator)
}

// splitn splits as Helm does: the parts are called _0, _1 and so on.
func splitn(separator string, n int, s string) map[string]string {
	parts := map[string]string{}
	for i, part := range strings.SplitN(s, separator, n) {
		parts["_"+strconv.Itoa(i)] = part
	}
	return parts
}
