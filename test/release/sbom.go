package release

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// The parts of SPDX 2.3 that are written here.
type (
	spdxDocument struct {
		Version       string             `json:"spdxVersion"`
		License       string             `json:"dataLicense"`
		ID            string             `json:"SPDXID"`
		Name          string             `json:"name"`
		Namespace     string             `json:"documentNamespace"`
		Creation      spdxCreation       `json:"creationInfo"`
		Packages      []spdxPackage      `json:"packages"`
		Relationships []spdxRelationship `json:"relationships"`
	}
	spdxCreation struct {
		Created  string   `json:"created"`
		Creators []string `json:"creators"`
	}
	spdxPackage struct {
		ID        string         `json:"SPDXID"`
		Name      string         `json:"name"`
		Version   string         `json:"versionInfo,omitempty"`
		FileName  string         `json:"packageFileName,omitempty"`
		Location  string         `json:"downloadLocation"`
		Analyzed  bool           `json:"filesAnalyzed"`
		Declared  string         `json:"licenseDeclared"`
		Concluded string         `json:"licenseConcluded"`
		Copyright string         `json:"copyrightText"`
		Checksums []spdxChecksum `json:"checksums,omitempty"`
		External  []spdxExternal `json:"externalRefs,omitempty"`
		Purpose   string         `json:"primaryPackagePurpose,omitempty"`
	}
	spdxChecksum struct {
		Algorithm string `json:"algorithm"`
		Value     string `json:"checksumValue"`
	}
	spdxExternal struct {
		Category string `json:"referenceCategory"`
		Type     string `json:"referenceType"`
		Locator  string `json:"referenceLocator"`
	}
	spdxRelationship struct {
		From string `json:"spdxElementId"`
		Type string `json:"relationshipType"`
		To   string `json:"relatedSpdxElement"`
	}
)

const (
	noAssertion = "NOASSERTION"
	ours        = "github.com/drover-dev/drover"
)

// SBOM says in SPDX which modules each file of a release contains, as the Go toolchain recorded it in the programs.
func (r Release) SBOM(files []File) (File, error) {
	name := "drover_" + r.Number() + ".spdx.json"
	d := spdxDocument{
		Version: "SPDX-2.3", License: "CC0-1.0", ID: "SPDXRef-DOCUMENT", Name: "drover-" + r.Number(),
		Namespace: "https://" + ours + "/releases/download/" + r.Version + "/" + name + "#" + r.Commit,
		Creation: spdxCreation{r.Date.Format(time.RFC3339),
			[]string{"Organization: drover-dev", "Tool: drover-release-" + r.Number()}},
	}
	known := map[string]spdxPackage{}
	relate := func(from, what, to string) {
		d.Relationships = append(d.Relationships, spdxRelationship{from, what, to})
	}
	for _, f := range files {
		p := r.fileOf(f)
		d.Packages = append(d.Packages, p)
		relate(d.ID, "DESCRIBES", p.ID)
		inside := map[string]bool{}
		for program, data := range f.Programs {
			modules, err := r.linked(data)
			if err != nil {
				return File{}, fmt.Errorf("read what %s of %s was built from: %w", program, f.Name, err)
			}
			for _, m := range modules {
				known[m.ID], inside[m.ID] = m, true
			}
		}
		for _, id := range slices.Sorted(maps.Keys(inside)) {
			relate(p.ID, "CONTAINS", id)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(known)) {
		d.Packages = append(d.Packages, known[id])
	}
	data, err := json.MarshalIndent(d, "", "  ")
	return File{Name: name, Data: append(data, '\n')}, err
}

// fileOf describes a file of the release.
func (r Release) fileOf(f File) spdxPackage {
	purpose := "ARCHIVE"
	if strings.HasSuffix(f.Name, "_oci.tar") {
		purpose = "CONTAINER"
	}
	return spdxPackage{
		ID: identifier("File", f.Name), Name: f.Name, Version: r.Version, FileName: f.Name, Purpose: purpose,
		Location: "https://" + ours + "/releases/download/" + r.Version + "/" + f.Name,
		Declared: "Apache-2.0", Concluded: noAssertion, Copyright: noAssertion,
		Checksums: []spdxChecksum{{"SHA256", sum(f.Data)}},
	}
}

// linked lists the modules that a program contains, the standard library among them.
func (r Release) linked(program []byte) ([]spdxPackage, error) {
	info, err := buildinfo.Read(bytes.NewReader(program))
	if err != nil {
		return nil, err
	}
	out := []spdxPackage{
		r.module(&info.Main), r.module(&debug.Module{Path: "stdlib", Version: strings.TrimPrefix(info.GoVersion, "go")}),
	}
	for _, m := range info.Deps {
		out = append(out, r.module(m))
	}
	return out, nil
}

// module describes a module. One of this repository is a folder beside the program's, and has the release's version.
func (r Release) module(m *debug.Module) spdxPackage {
	p := spdxPackage{
		Name: m.Path, Version: m.Version, Location: noAssertion, Declared: noAssertion, Concluded: noAssertion,
		Copyright: noAssertion, Purpose: "LIBRARY",
	}
	if m.Replace != nil && !strings.HasPrefix(m.Replace.Path, ".") {
		p.Name, p.Version = m.Replace.Path, m.Replace.Version
	}
	if p.Name == ours || strings.HasPrefix(p.Name, ours+"/") {
		p.Version, p.Declared = r.Version, "Apache-2.0"
	}
	p.ID = identifier("Module", p.Name+"@"+p.Version)
	p.External = []spdxExternal{{"PACKAGE-MANAGER", "purl", "pkg:golang/" + p.Name + "@" + url.PathEscape(p.Version)}}
	return p
}

var notInIdentifier = regexp.MustCompile(`[^A-Za-z0-9.-]`)

// identifier is a name as SPDX takes it. Two names that differ in other characters alone are told apart by a checksum.
func identifier(kind, name string) string {
	plain := notInIdentifier.ReplaceAllString(name, "-")
	return "SPDXRef-" + kind + "-" + plain + "-" + sum([]byte(name))[:8]
}
