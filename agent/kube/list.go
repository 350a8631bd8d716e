package kube

import (
	"encoding/json"
	"fmt"
	"io"
)

// listMeta is what is read of a list's metadata.
type listMeta struct {
	ResourceVersion string
	Continue        string
}

// decodeList reads a list and gives its items to each one by one, so that no more than one is held. Metadata may
// come before or after the items.
func decodeList(r io.Reader, each func(json.RawMessage) error) (listMeta, error) {
	var meta listMeta
	dec := json.NewDecoder(r)
	if err := expect(dec, json.Delim('{')); err != nil {
		return meta, err
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return meta, unreachable(err)
		}
		switch key {
		case "metadata":
			err = dec.Decode(&meta)
		case "items":
			err = decodeItems(dec, each)
		default:
			var skip json.RawMessage
			err = dec.Decode(&skip)
		}
		if err != nil {
			return meta, unreachable(err)
		}
	}
	if err := expect(dec, json.Delim('}')); err != nil { // a list cut short is not complete
		return meta, err
	}
	return meta, nil
}

func decodeItems(dec *json.Decoder, each func(json.RawMessage) error) error {
	first, err := dec.Token()
	if err != nil || first == nil { // a list of none may say null
		return err
	}
	if first != json.Delim('[') {
		return fmt.Errorf("the items of the list begin with %v", first)
	}
	var raw json.RawMessage
	for dec.More() {
		if err := dec.Decode(&raw); err != nil {
			return err
		}
		if err := each(raw); err != nil {
			return err
		}
	}
	return expect(dec, json.Delim(']'))
}

func expect(dec *json.Decoder, want json.Delim) error {
	got, err := dec.Token()
	if err != nil {
		return unreachable(err)
	}
	if got != want {
		return unreachable(fmt.Errorf("the list has %v where %v was expected", got, want))
	}
	return nil
}
