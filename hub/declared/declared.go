// Package declared says how apps are declared that a person releases. It is pure.
//
// It may import hub/model, hub/release and hub/resolve.
package declared

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/release"
	"github.com/drover-dev/drover/hub/resolve"
)

// Of says how the apps of a resolution are declared that a person releases, and those below them.
func Of(res resolve.Resolution) map[string]release.Declaration {
	at := make(map[string]int, len(res.Apps))
	manual := false
	for i, a := range res.Apps {
		at[a.App.Name] = i
		manual = manual || a.App.Manual != ""
	}
	if !manual {
		return nil
	}
	below := func(a model.App) bool {
		for range res.Apps {
			parent, declared := at[a.Parent]
			if a.Manual != "" || !declared {
				break
			}
			a = res.Apps[parent].App
		}
		return a.Manual != ""
	}
	out := map[string]release.Declaration{}
	for _, a := range res.Apps {
		if below(a.App) {
			out[a.App.Name] = release.Declaration{Manual: a.App.Manual, Spec: specOf(a.App), Declares: cmp.Or(a.Declares, "-")}
		}
	}
	return out
}

// Permits are the apps of a resolution whose declarations say that deletions are meant.
func Permits(res resolve.Resolution) map[string]bool {
	var out map[string]bool
	for _, a := range res.Apps {
		if a.App.Deletions {
			if out == nil {
				out = map[string]bool{}
			}
			out[a.App.Name] = true
		}
	}
	return out
}

// specOf is a digest of how an app is declared: what it delivers, and how, and neither where that is written
// nor when it changes.
func specOf(a model.App) string {
	a.File, a.DependsAt, a.Absent, a.Notes, a.Err = "", "", nil, nil, ""
	a.Policies = model.Policies{}
	data, err := json.Marshal(a)
	if err != nil {
		panic("declared: an app that is not JSON: " + err.Error()) // plain data: cannot happen
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
