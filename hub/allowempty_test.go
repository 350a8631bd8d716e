package hub_test

import (
	"strings"
	"testing"
)

// TestWhichAppsMayBeEmpty by their declaration.
func TestWhichAppsMayBeEmpty(t *testing.T) {
	t.Parallel()
	const native = "-- clusters/staging/shop.yaml --\napiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: shop}\nspec: {path: shop}\n"
	flux, argo := kustomization("shop", "  path: shop\n"), application("shop", argoSource("shop", ""))
	annotated := func(tree string) string {
		const annotation = "annotations: {drover.dev/allow-empty: \"True\", drover.dev/rollback: never}"
		if strings.Contains(tree, "metadata: {") {
			return strings.Replace(tree, "metadata: {", "metadata: {"+annotation+", ", 1)
		}
		return strings.Replace(tree, "metadata:\n", "metadata:\n  "+annotation+"\n", 1)
	}
	for _, c := range []struct {
		name, tree string
		want       bool
	}{
		{"an App", native, false},
		{"an App that says so", strings.Replace(native, "path: shop", "path: shop, allowEmpty: true", 1), true},
		{"an App that is annotated", annotated(native), true},
		{"a Kustomization", flux, false},
		{"a Kustomization that is annotated", annotated(flux), true},
		{"an Application", argo, false},
		{"an Application that says so", strings.Replace(argo, "{automated: {", "{automated: {allowEmpty: true, ", 1), true},
		{"an Application that is annotated", annotated(argo), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newArgoScene(t, bootstrap+c.tree+manifest("shop/cm.yaml", "shop", "{a: b}"))
			for _, a := range b.resolve("staging").Apps {
				if a.App.Name == "shop" {
					never := strings.Contains(c.tree, "rollback: never")
					if a.Err != "" || a.App.AllowEmpty != c.want || a.App.NeverBack != never {
						t.Errorf("error %q, may be empty: %t, is never taken back: %t", a.Err, a.App.AllowEmpty, a.App.NeverBack)
					}
					return
				}
			}
			t.Error("there is no such app")
		})
	}
}
