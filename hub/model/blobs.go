package model

import (
	"reflect"
	"time"

	"github.com/drover-dev/drover/protocol"
)

// BlobsIn adds the ids of all blobs that a value names, wherever they are in it.
func BlobsIn(v any, to map[string]bool) { blobsIn(reflect.ValueOf(v), to) }

// blobsIn adds the ids of all blobs that v names, wherever they are in it.
func blobsIn(v reflect.Value, to map[string]bool) {
	if v.Kind() == reflect.Struct && v.Type() == reflect.TypeFor[protocol.Blob]() {
		if b := v.Interface().(protocol.Blob); len(b.Key) > 0 {
			to[b.ID()] = true
		}
		return
	}
	if !mayHaveBlobs(v.Type()) {
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			blobsIn(v.Elem(), to)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				blobsIn(v.Field(i), to)
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			blobsIn(v.Index(i), to)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			blobsIn(v.MapIndex(key), to)
		}
	}
}

// mayHaveBlobs says whether there can be a blob in a value of a type that is no blob.
func mayHaveBlobs(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		switch t.Elem().Kind() {
		case reflect.Struct, reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map, reflect.Interface:
			return true
		}
		return false
	case reflect.Struct:
		return t != reflect.TypeFor[time.Time]()
	}
	return t.Kind() == reflect.Interface
}
