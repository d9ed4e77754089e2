"""The operator of the bench on kopf: a Service and an Indexed Job for each Gang, and its status, as kopf's documentation teaches it."""
import kopf
import kubernetes
from kubernetes.client.rest import ApiException

kubernetes.config.load_kube_config()
core, batch = kubernetes.client.CoreV1Api(), kubernetes.client.BatchV1Api()


def create(call, namespace, body):
    kopf.adopt(body)
    try:
        call(namespace, body)
    except ApiException as e:
        if e.status != 409:
            raise


@kopf.on.resume("kopf-ts.dev", "v1", "gangs")
@kopf.on.create("kopf-ts.dev", "v1", "gangs")
def made(name, namespace, spec, patch, **_):
    labels = {"gang": name}
    create(core.create_namespaced_service, namespace, {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "labels": labels},
        "spec": {"clusterIP": "None", "publishNotReadyAddresses": True, "selector": labels},
    })
    create(batch.create_namespaced_job, namespace, {
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "labels": labels},
        "spec": {"completionMode": "Indexed", "completions": spec["replicas"], "parallelism": spec["replicas"], "backoffLimit": 0, "suspend": True,
                 "template": {"metadata": {"labels": labels}, "spec": {
                     "restartPolicy": "Never", "subdomain": name, "containers": [{"name": "w", "image": "x", "command": ["true"]}]}}},
    })
    patch.status["job"] = name
    patch.status["service"] = name
