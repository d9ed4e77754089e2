/** As much of pods and Jobs as kubernetes.ts has of them, by the numbers of k8s.io/api, core/v1/generated.proto and batch/v1/generated.proto. */
import { list, message } from 'kopf-ts';

const conditions = list(message({ type: [1, 'string'], status: [2, 'string'], reason: [5, 'string'], message: [6, 'string'] }));

const containerState = message({
  waiting: [1, message({ reason: [1, 'string'], message: [2, 'string'] })],
  running: [2, message({})],
  terminated: [3, message({ exitCode: [1, 'int'], reason: [3, 'string'], message: [4, 'string'], finishedAt: [6, 'time'] })],
});

export const podMessage = message({
  status: [3, message({
    phase: [1, 'string'], conditions: [2, conditions], reason: [4, 'string'], podIP: [6, 'string'],
    containerStatuses: [8, list(message({ name: [1, 'string'], state: [2, containerState] }))],
  })],
});

export const jobMessage = message({ status: [3, message({ conditions: [1, conditions] })] });
