package layout

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/model"
)

func TestPlaceholdersOfTheVaultPluginStopTheApp(t *testing.T) {
	t.Parallel()
	encoded := base64.StdEncoding.EncodeToString([]byte("<path:secret/data/db#password | base64encode>"))
	for object, field := range map[string]string{
		`{"kind":"Secret","stringData":{"a":"plain","b":"<path:secret/data/db#password>"}}`:                                "stringData.b",
		`{"kind":"Secret","data":{"b":"` + encoded + `"}}`:                                                                 "data.b",
		`{"kind":"Deployment","spec":{"env":[{"name":"a"},{"name":"b","value":"x-<path:a#b#3>-y"}]}}`:                      "spec.env[1].value",
		`{"kind":"ConfigMap","data":{"b":"<password>"},"metadata":{"annotations":{"avp.kubernetes.io/path":"a/b"}}}`:       "data.b",
		`{"kind":"ConfigMap","data":{"b":"<password>"}}`:                                                                   "",
		`{"kind":"ConfigMap","data":{"b":"a path: <a> # b"}}`:                                                              "",
		`{"kind":"ConfigMap","data":{"b":"plain"},"metadata":{"annotations":{"avp.kubernetes.io/path":"a/b"}}}`:            "",
		`{"kind":"Secret","stringData":{"b":"<path:a#b>"},"metadata":{"annotations":{"avp.kubernetes.io/ignore":"true"}}}`: "",
		`{"kind":"Secret","data":{"b":"PG5vPg=="}}`:                                                                        "",
	} {
		object = `{"apiVersion":"v1",` + strings.Replace(object[1:], `"metadata":{`, `"metadata":{"name":"x",`, 1)
		_, err := (&Layout{}).Sort([]model.Rendered{{JSON: []byte(object), File: "app/x.yaml"}})
		if (err != nil) != (field != "") {
			t.Errorf("%s: %v", object, err)
			continue
		}
		if err != nil && (!strings.HasPrefix(err.Error(), "app/x.yaml: ") || !strings.Contains(err.Error(), fmt.Sprintf(": %s holds a placeholder", field))) {
			t.Errorf("%s: %v; want the field %s", object, err, field)
		}
	}
}
