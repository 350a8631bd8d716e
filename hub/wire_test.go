package hub_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

// TestGoldenBlobIsUnpackedForEver goes on where protocol's golden test ends: a blob as it was once stored decompresses to the lines
// that its reference names.
func TestGoldenBlobIsUnpackedForEver(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../protocol/testdata/v1/blob.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Ref   protocol.Blob
		Bytes []byte
	}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	objects, err := model.Unpack(model.Packed{Ref: golden.Ref, Sealed: golden.Bytes})
	if err != nil {
		t.Fatal(err)
	}
	if len(objects) != golden.Ref.Objects || string(objects[0].JSON) != `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop"}}` {
		t.Errorf("it holds %s", objects)
	}
}
