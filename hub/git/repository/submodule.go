package repository

import (
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/go-git/go-git/v5/config"

	"github.com/drover-dev/drover/hub/git/object"
	"github.com/drover-dev/drover/hub/model"
)

const (
	modulesFile = ".gitmodules" // gitmodules(5)
	maxModules  = 1 << 20       // bytes of it
)

// From says by which address the snapshot's repository is known: submodules may name theirs relative to it.
func (s *Snapshot) From(address string) *Snapshot {
	s.address = address
	return s
}

// submodule is the error of a path that is, or leads into, a submodule.
func (s *Snapshot) submodule(name string, id object.Hash) error {
	e := &model.SubmoduleError{Path: name, Commit: hexadecimal(id)}
	var err error
	if e.URL, err = s.moduleURL(name); err != nil {
		e.URL, e.Reason = "", err.Error()
	}
	return e
}

// moduleURL is the address of the submodule at a path.
func (s *Snapshot) moduleURL(name string) (string, error) {
	file, ok := s.root.Find(modulesFile)
	if !ok || file.Kind.Class() != object.KindFile {
		return "", fmt.Errorf("there is no %s that says where its files are", modulesFile)
	}
	data, err := s.blob(file.ID, maxModules)
	if err != nil {
		return "", fmt.Errorf("%s cannot be read: %w", modulesFile, err)
	}
	modules := config.NewModules()
	if err := modules.Unmarshal(data); err != nil {
		return "", fmt.Errorf("%s cannot be read: %w", modulesFile, err)
	}
	for _, m := range modules.Submodules {
		if path.Clean(m.Path) != name {
			continue
		}
		if strings.HasPrefix(m.URL, "./") || strings.HasPrefix(m.URL, "../") {
			return relativeURL(s.address, m.URL)
		}
		return m.URL, nil
	}
	return "", fmt.Errorf("%s does not say where its files are", modulesFile)
}

// relativeURL is an address that a submodule names relative to that of its repository (git-submodule(1), add).
func relativeURL(base, relative string) (string, error) {
	unknown := fmt.Errorf("its address %q is relative, and nobody knows to which: the repository has no address of "+
		"its own", relative)
	if base == "" {
		return "", unknown
	}
	if u, err := url.Parse(base); err == nil && u.Scheme != "" && u.Host != "" {
		u.User, u.RawQuery, u.Fragment = nil, "", ""
		u.Path = path.Join("/", u.Path, relative)
		return u.String(), nil
	}
	host, folder, scp := strings.Cut(base, ":")
	if !scp || strings.Contains(host, "/") {
		return "", unknown
	}
	return host + ":" + strings.TrimPrefix(path.Join("/", folder, relative), "/"), nil
}
