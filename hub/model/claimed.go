package model

import (
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// Claimed is the object that ref will be in the cluster, as far as can be told from here.
func Claimed(ref protocol.ObjectRef, namespace string) protocol.ObjectRef {
	if ref.Namespace == "" && !fleet.ClusterScoped(ref) {
		ref.Namespace = "default"
		if namespace != "" {
			ref.Namespace = namespace
		}
	}
	return ref
}
