package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Kind is a form of requests.
type Kind string

// The kinds, as they stand in the path of a request.
const (
	GitHub    Kind = "github"
	GitLab    Kind = "gitlab"
	Gitea     Kind = "gitea" // and Forgejo
	Bitbucket Kind = "bitbucket"
	// BitbucketServer is Bitbucket Server and Data Center.
	BitbucketServer Kind = "bitbucket-server"
	Azure           Kind = "azure"
	Generic         Kind = "generic"
)

// form is how requests of a kind are read.
type form struct {
	genuine func(header http.Header, body []byte, secret string) bool
	event   func(header http.Header) string          // what happened; "" where the body says it
	read    func(body []byte, to *Event) (err error) // what the body of a push says
	pushes  []string                                 // events after which there may be another commit
	pings   []string
}

var forms = map[Kind]form{
	GitHub: {genuine: hexHMAC("X-Hub-Signature-256"), event: named("X-GitHub-Event"), read: readGitHub,
		pushes: []string{"push", "create", "delete"}, pings: []string{"ping"}},
	GitLab: {genuine: genuineGitLab, event: named("X-Gitlab-Event"), read: readGitLab,
		pushes: []string{"Push Hook", "Tag Push Hook", "System Hook"}},
	Gitea: {genuine: either(hexHMAC("X-Gitea-Signature"), hexHMAC("X-Forgejo-Signature"),
		hexHMAC("X-Hub-Signature-256")), event: named("X-Gitea-Event", "X-Forgejo-Event"), read: readGitHub,
		pushes: []string{"push", "create", "delete"}},
	Bitbucket: {genuine: hexHMAC("X-Hub-Signature"), event: named("X-Event-Key"), read: readBitbucket,
		pushes: []string{"repo:push"}},
	BitbucketServer: {genuine: hexHMAC("X-Hub-Signature"), event: named("X-Event-Key"), read: readBitbucketServer,
		pushes: []string{"repo:refs_changed", "mirror:repo_synchronized"}, pings: []string{"diagnostics:ping"}},
	Azure: {genuine: basicPassword, read: readAzure, pushes: []string{"git.push"}},
	Generic: {genuine: either(hexHMAC("X-Drover-Signature-256"), standard), event: named("X-Drover-Event"),
		read: readGeneric, pushes: []string{"push", ""}, pings: []string{"ping"}},
}

// Kinds lists the kinds, in order.
func Kinds() []string {
	var out []string
	for k := range forms {
		out = append(out, string(k))
	}
	slices.Sort(out)
	return out
}

// Event is what a request says.
type Event struct {
	Kind    Kind
	Name    string   // of the event, as the server calls it
	Ping    bool     // it asks whether requests arrive
	Push    bool     // the repository may be at another commit
	Ref     string   // that was pushed, of several the first; "" if it is not said
	Commit  string   // that the ref is at now; "" if it is not said
	Address []string // spellings of the repository's address
	// Path is the end of its address, where the server says no more: a Bitbucket Server before 5.
	Path string
}

// Refusal says why a request is not taken, and with which status of HTTP that is answered. It quotes no secret.
type Refusal struct {
	Status int
	Text   string
}

// Error implements error.
func (r *Refusal) Error() string { return r.Text }

// MaxBody is how large a body may be, in bytes.
const MaxBody = 5 << 20

const (
	maxAddress   = 2048
	maxAddresses = 10
)

// Read checks a request against secrets, of which one has to fit, and reads it. An error is a *Refusal.
func Read(k Kind, header http.Header, body []byte, secrets []string) (Event, error) {
	e := Event{Kind: k}
	f, known := forms[k]
	if !known {
		return e, &Refusal{http.StatusNotFound, fmt.Sprintf("there are no webhooks of the kind %.40q: use /webhook/ and "+
			"one of %s", k, strings.Join(Kinds(), ", "))}
	}
	genuine := false
	for _, secret := range secrets { // all of them, so that the time does not tell which one fits
		if f.genuine(header, body, secret) {
			genuine = true
		}
	}
	if !genuine {
		return e, &Refusal{http.StatusUnauthorized, fmt.Sprintf("no secret of this hub fits the request: compare the secret "+
			"of the webhook at %s with the hub's --webhook-secrets", k)}
	}
	if f.event != nil {
		e.Name = f.event(header)
		e.Ping, e.Push = slices.Contains(f.pings, e.Name), slices.Contains(f.pushes, e.Name)
		if e.Ping || !e.Push {
			return e, nil
		}
	}
	if err := f.read(unwrapped(header, body), &e); err != nil {
		return e, &Refusal{http.StatusBadRequest, fmt.Sprintf("this is no request of %s: %v", k, err)}
	}
	e.Push = e.Push && (f.event != nil || slices.Contains(f.pushes, e.Name))
	e.Address = slices.DeleteFunc(e.Address, func(a string) bool { return a == "" || len(a) > maxAddress })
	e.Address = e.Address[:min(len(e.Address), maxAddresses)]
	if e.Push && len(e.Address) == 0 && e.Path == "" {
		return e, &Refusal{http.StatusBadRequest, fmt.Sprintf("this request of %s names no repository: is it of this kind, "+
			"and its content type application/json?", k)}
	}
	return e, nil
}

// named gives the first of some headers that is set.
func named(names ...string) func(http.Header) string {
	return func(h http.Header) string {
		for _, name := range names {
			if v := h.Get(name); v != "" {
				return v
			}
		}
		return ""
	}
}

// unwrapped is the JSON of a body, which GitHub and Gitea may send as a field of a form.
func unwrapped(header http.Header, body []byte) []byte {
	if !strings.HasPrefix(header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return body
	}
	if form, err := url.ParseQuery(string(body)); err == nil && form.Has("payload") {
		return []byte(form.Get("payload"))
	}
	return body // as curl sends it, unless it is told what it sends
}

func decode(body []byte, to any) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return errors.New("it has no body")
	}
	if err := json.Unmarshal(body, to); err != nil {
		return errors.New("its body is no JSON of that form")
	}
	return nil
}

func readGitHub(body []byte, e *Event) error {
	var p struct {
		Ref, After string
		Repository struct {
			CloneURL string `json:"clone_url"`
			SSHURL   string `json:"ssh_url"`
			HTMLURL  string `json:"html_url"`
			GitURL   string `json:"git_url"`
		}
	}
	err := decode(body, &p)
	r := p.Repository
	e.Ref, e.Commit, e.Address = p.Ref, p.After, []string{r.CloneURL, r.SSHURL, r.HTMLURL, r.GitURL}
	return err
}

func readGitLab(body []byte, e *Event) error {
	type addresses struct {
		GitHTTPURL string `json:"git_http_url"`
		GitSSHURL  string `json:"git_ssh_url"`
		WebURL     string `json:"web_url"`
	}
	var p struct {
		Event      string `json:"event_name"`
		Ref, After string
		Project    addresses
		Repository addresses
	}
	err := decode(body, &p)
	e.Ref, e.Commit = p.Ref, p.After
	for _, a := range []addresses{p.Project, p.Repository} {
		e.Address = append(e.Address, a.GitHTTPURL, a.GitSSHURL, a.WebURL)
	}
	if e.Name == "System Hook" { // of the whole server, and of all that happens there
		e.Push = slices.Contains([]string{"push", "tag_push", "repository_update"}, p.Event)
	}
	return err
}

func readBitbucket(body []byte, e *Event) error {
	var p struct {
		Push struct {
			Changes []struct {
				New struct {
					Name   string
					Target struct{ Hash string }
				}
			}
		}
		Repository struct {
			FullName string `json:"full_name"`
			Links    struct{ HTML struct{ Href string } }
		}
	}
	err := decode(body, &p)
	if len(p.Push.Changes) > 0 {
		e.Ref, e.Commit = p.Push.Changes[0].New.Name, p.Push.Changes[0].New.Target.Hash
	}
	e.Address = []string{p.Repository.Links.HTML.Href}
	if p.Repository.FullName != "" {
		e.Address = append(e.Address, "https://bitbucket.org/"+p.Repository.FullName)
	}
	return err
}

func readBitbucketServer(body []byte, e *Event) error {
	var p struct {
		Changes []struct {
			RefID  string `json:"refId"`
			ToHash string `json:"toHash"`
		}
		Repository struct {
			Slug    string
			Project struct{ Key string }
			Links   struct{ Clone []struct{ Href string } }
		}
	}
	err := decode(body, &p)
	if len(p.Changes) > 0 {
		e.Ref, e.Commit = p.Changes[0].RefID, p.Changes[0].ToHash
	}
	for _, l := range p.Repository.Links.Clone {
		e.Address = append(e.Address, l.Href)
	}
	if key, slug := p.Repository.Project.Key, p.Repository.Slug; key != "" && slug != "" &&
		len(key)+len(slug) < maxAddress {
		e.Path = key + "/" + slug
	}
	return err
}

func readAzure(body []byte, e *Event) error {
	var p struct {
		EventType string `json:"eventType"`
		Resource  struct {
			RefUpdates []struct {
				Name        string
				NewObjectID string `json:"newObjectId"`
			} `json:"refUpdates"`
			Repository struct {
				RemoteURL string `json:"remoteUrl"`
				SSHURL    string `json:"sshUrl"`
				WebURL    string `json:"webUrl"`
			}
		}
	}
	err := decode(body, &p)
	e.Name, e.Push = p.EventType, true
	if u := p.Resource.RefUpdates; len(u) > 0 {
		e.Ref, e.Commit = u[0].Name, u[0].NewObjectID
	}
	e.Address = []string{p.Resource.Repository.RemoteURL, p.Resource.Repository.SSHURL, p.Resource.Repository.WebURL}
	return err
}

func readGeneric(body []byte, e *Event) error {
	var p struct{ Repository, Ref, Commit string }
	err := decode(body, &p)
	e.Ref, e.Commit, e.Address = p.Ref, p.Commit, []string{p.Repository}
	return err
}
