#!/bin/bash
# Brings a cluster up inside the machine (machine.sh) that it is called in; what runs already is left alone, what does not is started.
#   RUN       folder for all that the cluster writes      K8S     the binary that holds every program
#   NODES     nodes, 0 = control plane only               GPUS    nvidia.com/gpu of each node, as a device plugin would say
#   SUBNET    10.250.0: nodes are SUBNET.1, SUBNET.2 ...; the machine outside is SUBNET.254
#   IMAGES    OCI layout tars for every node
set -euo pipefail
PODS=10.244 SERVICES=10.96.0 DNS=$SUBNET.1
export KUBECONFIG=$RUN/etc/admin.conf
mkdir -p "$RUN"/{pki,log,pid,etc,etcd}
chmod 700 "$RUN/etcd"
cd "$RUN"
began=$(date +%s%N)
say() { local ms=$((($(date +%s%N) - began) / 1000000)); printf '%3d.%03d s  %s\n' $((ms / 1000)) $((ms % 1000)) "$*"; }
kc() { "$K8S" kubectl "$@"; }

# start NAME COMMAND...: unless the process that NAME's file tells is the one (a number alone may be another's by now)
start() {
  local name=$1
  shift
  if [ -s "pid/$name" ] && tr '\0' ' ' <"/proc/$(cat "pid/$name")/cmdline" 2>/dev/null | grep -qF -- "$* "; then return; fi
  setsid nohup "$@" >>"log/$name.log" 2>&1 </dev/null &
  echo $! >"pid/$name"
}
# wait_for SECONDS NAME COMMAND...
wait_for() {
  local end=$((SECONDS + $1)) name=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    if [ $SECONDS -ge $end ]; then
      echo "$name did not come up. The end of its log ($RUN/log/$name.log):" >&2
      tail -n 5 "log/$name.log" >&2
      exit 1
    fi
    sleep 0.1
  done
}

# ---- certificates
new_key() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 "$@" 2>/dev/null; }
authority() { # NAME
  [ -s "pki/$1.crt" ] || new_key -x509 -keyout "pki/$1.key" -out "pki/$1.crt" -subj "/CN=$1" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
}
certificate() { # NAME SUBJECT [ALTERNATIVE-NAMES [AUTHORITY]]
  [ ! -s "pki/$1.crt" ] || return 0
  new_key -keyout "pki/$1.key" -subj "$2" -out "pki/$1.csr"
  printf 'keyUsage=critical,digitalSignature,keyEncipherment\nextendedKeyUsage=serverAuth,clientAuth\n%s\n' "${3:+subjectAltName=$3}" >"pki/$1.ext"
  openssl x509 -req -in "pki/$1.csr" -CA "pki/${4:-ca}.crt" -CAkey "pki/${4:-ca}.key" -CAcreateserial -days 3650 -extfile "pki/$1.ext" -out "pki/$1.crt" 2>/dev/null
}
kubeconfig() { # CERTIFICATE FILE
  [ -s "$2" ] || cat >"$2" <<Y
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://$SUBNET.1:6443", certificate-authority-data: $(base64 -w0 pki/ca.crt)}}]
users: [{name: u, user: {client-certificate-data: $(base64 -w0 "pki/$1.crt"), client-key-data: $(base64 -w0 "pki/$1.key")}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
current-context: c
Y
}
authority ca
authority front-proxy-ca
[ -s pki/sa.key ] || openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out pki/sa.key 2>/dev/null
[ -s pki/sa.pub ] || openssl pkey -in pki/sa.key -pubout -out pki/sa.pub
certificate apiserver /CN=kube-apiserver "IP:$SUBNET.1,IP:$SERVICES.1,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local"
certificate apiserver-kubelet /O=system:masters/CN=apiserver-kubelet
certificate front-proxy-client /CN=front-proxy-client '' front-proxy-ca
certificate admin /O=system:masters/CN=admin
for part in kube-controller-manager kube-scheduler kube-proxy coredns; do certificate $part "/CN=system:$part"; done
for user in admin kube-controller-manager kube-scheduler kube-proxy coredns; do kubeconfig $user etc/$user.conf; done
say certificates

# ---- control plane
start etcd "$K8S" etcd --name=m --data-dir="$RUN/etcd" --unsafe-no-fsync --log-level=warn \
  --listen-client-urls=http://127.0.0.1:2379 --advertise-client-urls=http://127.0.0.1:2379 \
  --listen-peer-urls=http://127.0.0.1:2380 --initial-advertise-peer-urls=http://127.0.0.1:2380 --initial-cluster=m=http://127.0.0.1:2380
# A first dial of etcd that fails would cost the API server a backoff.
wait_for 30 etcd curl -sf http://127.0.0.1:2379/health
start kube-apiserver "$K8S" kube-apiserver --etcd-servers=http://127.0.0.1:2379 --bind-address=0.0.0.0 --secure-port=6443 --advertise-address=$SUBNET.1 \
  --tls-cert-file=pki/apiserver.crt --tls-private-key-file=pki/apiserver.key --client-ca-file=pki/ca.crt \
  --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --allow-privileged=true \
  --service-cluster-ip-range=$SERVICES.0/16 --service-account-issuer=https://kubernetes.default.svc.cluster.local \
  --service-account-key-file=pki/sa.pub --service-account-signing-key-file=pki/sa.key \
  --kubelet-client-certificate=pki/apiserver-kubelet.crt --kubelet-client-key=pki/apiserver-kubelet.key --kubelet-certificate-authority=pki/ca.crt \
  --kubelet-preferred-address-types=InternalIP,Hostname \
  --requestheader-client-ca-file=pki/front-proxy-ca.crt --requestheader-allowed-names=front-proxy-client --requestheader-username-headers=X-Remote-User \
  --requestheader-group-headers=X-Remote-Group --requestheader-extra-headers-prefix=X-Remote-Extra- \
  --proxy-client-cert-file=pki/front-proxy-client.crt --proxy-client-key-file=pki/front-proxy-client.key \
  --enable-aggregator-routing=true --default-not-ready-toleration-seconds=5 --default-unreachable-toleration-seconds=5 --profiling=false
wait_for 90 kube-apiserver curl -sf --cacert pki/ca.crt https://$SUBNET.1:6443/readyz
say 'API server'
# High rates: with the defaults it takes seconds until the first service account is there.
start kube-controller-manager "$K8S" kube-controller-manager --kubeconfig=etc/kube-controller-manager.conf \
  --authentication-kubeconfig=etc/kube-controller-manager.conf --authorization-kubeconfig=etc/kube-controller-manager.conf \
  --bind-address=127.0.0.1 --leader-elect=false --use-service-account-credentials=true --service-account-private-key-file=pki/sa.key --root-ca-file=pki/ca.crt \
  --cluster-signing-cert-file=pki/ca.crt --cluster-signing-key-file=pki/ca.key --allocate-node-cidrs=false \
  --node-monitor-period=1s --node-monitor-grace-period=10s --kube-api-qps=500 --kube-api-burst=1000 --service-cluster-ip-range=$SERVICES.0/16 --profiling=false
start kube-scheduler "$K8S" kube-scheduler --kubeconfig=etc/kube-scheduler.conf \
  --authentication-kubeconfig=etc/kube-scheduler.conf --authorization-kubeconfig=etc/kube-scheduler.conf \
  --bind-address=127.0.0.1 --leader-elect=false --kube-api-qps=500 --kube-api-burst=1000 --profiling=false
wait_for 90 kube-controller-manager kc get serviceaccount default -n default
wait_for 60 kube-scheduler curl -skf https://127.0.0.1:10259/readyz
say 'controller manager, scheduler'
[ "$NODES" -gt 0 ] || exit 0

# ---- nodes: each with its own containerd, kubelet, cgroups, pod bridge and address
: >etc/resolv.conf
# What a pod sends to the machine outside bears the node's address: out there nobody knows the way to pods.
iptables -w -t nat -C POSTROUTING -s $PODS.0.0/16 -d $SUBNET.254 -j MASQUERADE 2>/dev/null || iptables -w -t nat -A POSTROUTING -s $PODS.0.0/16 -d $SUBNET.254 -j MASQUERADE

# Every kubelet needs a cgroup root of its own, or one deletes the cgroups of the other's pods; it must be there beforehand.
cgroup_root() { # NAME
  local hierarchy parent
  if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
    parent=/sys/fs/cgroup
    for part in "$CGROUP" "$1"; do
      for controller in $(cat "$parent/cgroup.controllers"); do echo "+$controller" >"$parent/cgroup.subtree_control" 2>/dev/null || :; done
      parent=$parent/$part
      mkdir -p "$parent"
    done
    return
  fi
  for hierarchy in /sys/fs/cgroup/*/; do mkdir -p "$hierarchy$CGROUP/$1"; done
  for file in cpuset.cpus cpuset.mems; do
    for parent in "$CGROUP" "$CGROUP/$1"; do cat "/sys/fs/cgroup/cpuset/$file" >"/sys/fs/cgroup/cpuset/$parent/$file"; done
  done
}

node() { # INDEX
  local i=$1 name=node$1 address=$SUBNET.$1 home=$RUN/node$1 image
  mkdir -p "$home"/{etc,net.d,kubelet,containerd}
  ip address replace "$address/24" dev uplink
  certificate "$name-server" "/CN=$name" "IP:$address,DNS:$name"
  certificate "$name" "/O=system:nodes/CN=system:node:$name"
  kubeconfig "$name" "$home/etc/kubelet.conf"
  cgroup_root "$name"
  # restrict_oom_score_adj, oom_score: containers may not lower the score, so neither may we.
  cat >"$home/etc/containerd.toml" <<Y
version = 2
root = "$home/containerd/root"
state = "/run/containerd-$name"
oom_score = 0
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.internal.v1.tracing", "io.containerd.tracing.processor.v1.otlp"]
[grpc]
  address = "/run/containerd-$name.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "$home/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "srdit.test/pause:1"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$CNI"
    conf_dir = "$home/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
Y
  cat >"$home/net.d/10-bridge.conflist" <<Y
{"cniVersion": "1.0.0", "name": "pods$i", "plugins": [
 {"type": "bridge", "bridge": "cni$i", "isGateway": true, "ipMasq": false, "hairpinMode": true,
  "ipam": {"type": "host-local", "dataDir": "$home/ipam", "ranges": [[{"subnet": "$PODS.$i.0/24"}]],
           "routes": [{"dst": "$PODS.0.0/16"}, {"dst": "$SERVICES.0/16"}, {"dst": "$SUBNET.0/24"}]}},
 {"type": "portmap", "capabilities": {"portMappings": true}}]}
Y
  start "containerd$i" containerd --config "$home/etc/containerd.toml"
  wait_for 30 "containerd$i" ctr -a "/run/containerd-$name.sock" version
  for image in $IMAGES; do load "$i" "$image"; done
  cat >"$home/etc/kubelet.yaml" <<Y
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $address
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $RUN/pki/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $RUN/pki/$name-server.crt
tlsPrivateKeyFile: $RUN/pki/$name-server.key
cgroupDriver: cgroupfs
cgroupRoot: /$CGROUP/$name
cgroupsPerQOS: true
enforceNodeAllocatable: [pods]
failSwapOn: false
failCgroupV1: false
makeIPTablesUtilChains: false
oomScoreAdj: 0
containerRuntimeEndpoint: unix:///run/containerd-$name.sock
clusterDomain: cluster.local
clusterDNS: [$DNS]
resolvConf: $RUN/etc/resolv.conf
healthzBindAddress: $address
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, nodefs.inodesFree: 1%, imagefs.available: 1%}
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
nodeStatusUpdateFrequency: 2s
nodeStatusReportFrequency: 10s
nodeLeaseDurationSeconds: 8
syncFrequency: 10s
podLogsDir: $home/podlogs
volumePluginDir: $home/kubelet/volume-plugins
maxPods: 100
logging: {verbosity: 2}
Y
  start "kubelet$i" "$K8S" kubelet --config="$home/etc/kubelet.yaml" --kubeconfig="$home/etc/kubelet.conf" --hostname-override="$name" --node-ip="$address" \
    --root-dir="$home/kubelet" --cert-dir="$home/kubelet/pki" --node-labels="topology.kubernetes.io/zone=z$i"
}
load() { # NODE TAR
  local mark
  mark=$RUN/node$1/loaded-$(basename "$2")
  [ "$mark" -nt "$2" ] || { ctr -a "/run/containerd-node$1.sock" -n k8s.io images import --digests=false "$2" >>"log/images.log" 2>&1; touch "$mark"; }
}
for i in $(seq "$NODES"); do node "$i"; done
say 'containerd and images'
for i in $(seq "$NODES"); do
  wait_for 90 "kubelet$i" kc wait --for=condition=Ready "node/node$i" --timeout=1s
  # The API server and the kubelet take the word of whoever writes the node's status: no device plugin is needed to count GPUs.
  [ -z "${GPUS:-}" ] || kc patch node "node$i" --subresource=status --type=merge \
    -p "{\"status\":{\"capacity\":{\"nvidia.com/gpu\":\"$GPUS\"},\"allocatable\":{\"nvidia.com/gpu\":\"$GPUS\"}}}" >/dev/null
done
say "$NODES nodes"

# ---- names and addresses of Services
kc apply -f - >/dev/null <<Y
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: system:coredns}
rules:
- {apiGroups: [""], resources: [endpoints, services, pods, namespaces], verbs: [list, watch]}
- {apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list, watch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: system:coredns}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: system:coredns}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: system:coredns}]
Y
cat >etc/Corefile <<Y
.:53 {
  bind $DNS
  errors
  health 127.0.0.1:8181
  ready 127.0.0.1:8182
  kubernetes cluster.local in-addr.arpa {
    kubeconfig $RUN/etc/coredns.conf c
    pods insecure
    ttl 1
  }
  cache 1
}
Y
start coredns "$K8S" coredns -conf etc/Corefile
# The zeros: else it would set the kernel's limits for the whole machine.
start kube-proxy "$K8S" kube-proxy --kubeconfig=etc/kube-proxy.conf --proxy-mode=iptables --iptables-localhost-nodeports=false --cluster-cidr=$PODS.0.0/16 --hostname-override=node1 \
  --conntrack-max-per-core=0 --conntrack-tcp-timeout-established=0 --conntrack-tcp-timeout-close-wait=0 --healthz-bind-address=127.0.0.1:10256 --metrics-bind-address=127.0.0.1:10249
wait_for 60 coredns curl -sf http://127.0.0.1:8182/ready
wait_for 60 kube-proxy curl -sf http://127.0.0.1:10256/healthz
say 'DNS, Services'
