package tree

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/drover-dev/drover/hub/credentials"
	"github.com/drover-dev/drover/hub/fetch"
	"github.com/drover-dev/drover/hub/git"
	"github.com/drover-dev/drover/hub/git/access"
	"github.com/drover-dev/drover/hub/helm/repository"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/oci"
	"github.com/drover-dev/drover/hub/webfile"
	"github.com/drover-dev/drover/internal/outbound"
)

// maxCharts is about how many bytes of chart archives are kept.
const maxCharts = 1 << 30

// Sources says how sources beside the repository are fetched.
type Sources struct {
	Credentials *credentials.Folder
	Local       bool
	allow       []string // as outbound.ParseAllowed reads them
	NoBases     bool
}

// AddTo adds the flags.
func (o *Sources) AddTo(f *pflag.FlagSet) {
	o.Credentials = &credentials.Folder{}
	f.StringVar(&o.Credentials.Dir, "credentials-dir", "", "folder of files with credentials for sources, each with "+
		"the addresses it is for (see docs/sources.md)")
	f.BoolVar(&o.Local, "local-sources", false, "let sources be at addresses of this machine and of its link, which "+
		"files in Git may not name otherwise")
	f.BoolVar(&o.NoBases, "no-remote-bases", false, "fetch nothing that kustomizations name by its address: apps with "+
		"such bases, components and resources have an error")
	f.StringSliceVar(&o.allow, "allow-source-address", nil, "an address of this machine or of its link at which "+
		"sources may be all the same, with a port or without, such as 127.0.0.1:5000 or 10.0.0.0/8; may be given several "+
		"times")
}

// Opener fetches every kind of source, and keeps what has no folder of its own below dir. own are the credentials of
// the repository itself, for other branches and tags of it.
func (o *Sources) Opener(dir, location string, own access.Auth, log *slog.Logger) (fetch.Opener, error) {
	charts, err := repository.NewFetcher(filepath.Join(dir, "charts"), maxCharts)
	if err != nil {
		return nil, err
	}
	allowed, err := o.Allowed()
	if err != nil {
		return nil, err
	}
	return func(s model.Source, dir string) (fetch.Remote, error) {
		r, err := o.remote(s, dir, charts, func(ctx context.Context) (access.Auth, error) {
			c, err := o.find(ctx, s)
			none, itself := c.URLs == nil, strings.TrimSuffix(s.URL, ".git") == strings.TrimSuffix(location, ".git")
			if s.Logins == nil && (none || err != nil) && itself {
				return own, nil
			}
			return AuthOf(c), err
		}, log)
		if err != nil || o.Local {
			return r, err
		}
		return strangers{r, allowed}, nil
	}, nil
}

// Allowed are the addresses of --allow-source-address.
func (o *Sources) Allowed() (allowed []outbound.Allowed, err error) {
	for _, text := range o.allow {
		a, err := outbound.ParseAllowed(text)
		if err != nil {
			return nil, fmt.Errorf("--allow-source-address: %w", err)
		}
		allowed = append(allowed, a)
	}
	return allowed, nil
}

func (o *Sources) find(ctx context.Context, s model.Source) (credentials.Credential, error) {
	var among []string
	if s.Logins != nil {
		among = append([]string{}, s.Logins.Names...) // none at all is not any
	}
	return o.Credentials.FindAmong(ctx, s.URL, s.Credentials, s.PlainHTTP, among)
}

func (o *Sources) remote(s model.Source, dir string, charts *repository.Fetcher,
	login func(context.Context) (access.Auth, error), log *slog.Logger) (fetch.Remote, error) {
	switch s.Kind {
	case model.SourceGit:
		return git.NewRemote(git.Options{URL: s.URL, Branch: s.Branch, Wanted: git.Wanted{Ref: s.Ref, SemVer: s.SemVer,
			Commit: s.Revision}, Dir: dir, Login: login, Log: log})
	case model.SourceOCI:
		return oci.NewRemote(s, dir, func(ctx context.Context) (oci.Access, error) {
			c, err := o.find(ctx, s)
			return oci.Access{Username: c.Username, Password: c.Password, Token: c.Token, CA: []byte(c.CA),
				Certificate: []byte(c.Certificate), Key: []byte(c.Key)}, err
		})
	case model.SourceFile:
		return webfile.NewRemote(s, dir, func(ctx context.Context) (webfile.Access, error) {
			c, err := o.find(ctx, s)
			return webfile.Access{Username: c.Username, Password: c.Password, Token: c.Token, CA: []byte(c.CA),
				Certificate: []byte(c.Certificate), Key: []byte(c.Key)}, err
		})
	case model.SourceHelm:
		return repository.NewRemote(charts, s, dir, func(ctx context.Context) (repository.Access, error) {
			c, err := o.find(ctx, s)
			return repository.Access{Username: c.Username, Password: c.Password, Token: c.Token, CA: []byte(c.CA),
				Certificate: []byte(c.Certificate), Key: []byte(c.Key),
				PlainHTTP: s.PlainHTTP}, err
		})
	}
	return nil, fmt.Errorf("%s: a source of kind %q is not known to this release", s, s.Kind)
}

// AuthOf is a credential for Git. Nothing else is to be used: not this machine's keys, nor its user's known hosts.
func AuthOf(c credentials.Credential) access.Auth {
	return access.Auth{Username: c.Username, Password: c.Password, Token: c.Token, CA: c.CA, Certificate: c.Certificate,
		TLSKey: c.Key, Key: c.SSHKey, KeyPassphrase: c.SSHPassphrase, KnownHosts: c.KnownHosts, Alone: true}
}

// strangers fetches for whoever may write a file in Git: not from this machine.
type strangers struct {
	fetch.Remote
	allowed []outbound.Allowed
}

// Fetch implements fetch.Remote.
func (s strangers) Fetch(ctx context.Context) (model.View, error) {
	return s.Remote.Fetch(outbound.Restrict(ctx, s.allowed...))
}

// once fetches for a command that renders until it has all it needs, and says on stderr what it waits for.
func (o *Sources) once(repository string, stderr io.Writer) (*fetch.Together, error) {
	dir, err := os.UserCacheDir()
	dir = filepath.Join(cmp.Or(dir, os.TempDir()), "drover", "sources")
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		return nil, fmt.Errorf("make a place for what is fetched: %w: set XDG_CACHE_HOME to a folder that can be written to",
			err)
	}
	open, err := o.Opener(dir, repository, access.Auth{}, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	return fetch.NewTogether(dir, open, func(line string) { fmt.Fprintln(stderr, "drover: "+line) }), nil
}
