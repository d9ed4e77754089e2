/** Grafana's dashboard: the fleet of runs above, the operator below. Metric names: runtime/cli/server.ts and operator/kopf-ts. */

interface Query { readonly expr: string; readonly legend?: string }
interface Panel { readonly title: string; readonly description: string; readonly queries: readonly Query[]; readonly unit?: string; readonly kind?: 'timeseries' | 'stat' }

const OPERATOR = 'namespace=~"$operator"';
const RUN = 'app_kubernetes_io_instance=~"$run"';

const ROWS: readonly { readonly title: string; readonly panels: readonly Panel[] }[] = [
  {
    title: 'Runs', panels: [
      { title: 'Runs by state', description: 'Trainings and evaluations by status.state', queries: [{ expr: `sum by (kind, state) (srdit_resources{${OPERATOR}})`, legend: '{{kind}} {{state}}' }] },
      { title: 'Loss', description: 'Smoothed training loss', queries: [{ expr: `srdit_loss_smoothed{${RUN}}`, legend: '{{app_kubernetes_io_instance}}' }] },
      { title: 'Progress', description: 'Steps taken of steps asked for', unit: 'percentunit', queries: [{ expr: `srdit_step{${RUN}} / srdit_steps{${RUN}}`, legend: '{{app_kubernetes_io_instance}}' }] },
      { title: 'Pictures a second', description: 'Over all ranks of a run', queries: [{ expr: `srdit_images_per_second{${RUN}}`, legend: '{{app_kubernetes_io_instance}}' }] },
      { title: 'Gradient norm', description: 'Before clipping', queries: [{ expr: `srdit_gradient_norm{${RUN}}`, legend: '{{app_kubernetes_io_instance}}' }] },
      { title: 'Steps since the newest checkpoint', description: 'What a lost gang would have to do again', queries: [{ expr: `srdit_step{${RUN}} - srdit_checkpoint_step{${RUN}}`, legend: '{{app_kubernetes_io_instance}}' }] },
      { title: 'Restarts in an hour', description: 'Of whole gangs, by reason', queries: [{ expr: `sum by (reason) (increase(srdit_restarts_total{${OPERATOR}}[1h]))`, legend: '{{reason}}' }] },
    ],
  },
  {
    title: 'Operator', panels: [
      { title: 'Replicas that lead', description: 'One, always', kind: 'stat', queries: [{ expr: `sum(leader_election_master_status{${OPERATOR}})` }] },
      { title: 'Reconciliations', description: 'By controller and result', unit: 'ops', queries: [{ expr: `sum by (controller, result) (rate(controller_runtime_reconcile_total{${OPERATOR}}[5m]))`, legend: '{{controller}} {{result}}' }] },
      {
        title: 'Time of a reconciliation', description: 'Median and the slowest hundredth', unit: 's', queries: [0.5, 0.99].map((quantile) => ({
          expr: `histogram_quantile(${quantile}, sum by (le) (rate(controller_runtime_reconcile_time_seconds_bucket{${OPERATOR}}[5m])))`, legend: `p${quantile * 100}`,
        })),
      },
      { title: 'Waiting resources', description: 'Keys in the queues', queries: [{ expr: `sum by (name) (workqueue_depth{${OPERATOR}})`, legend: '{{name}}' }] },
      { title: 'Requests to the API server', description: 'By method and status code', unit: 'reqps', queries: [{ expr: `sum by (method, code) (rate(rest_client_requests_total{${OPERATOR}}[5m]))`, legend: '{{method}} {{code}}' }] },
      { title: 'Memory', description: 'Resident', unit: 'bytes', queries: [{ expr: `process_resident_memory_bytes{${OPERATOR}}`, legend: '{{pod}}' }] },
    ],
  },
];

const [COLUMNS, WIDTH, HEIGHT] = [3, 8, 7];
const datasource = { type: 'prometheus', uid: '${datasource}' };

function variable(name: string, label: string, query: string): object {
  return { name, label, type: 'query', datasource, query: { query, refId: name }, refresh: 2, includeAll: true, multi: true, current: { text: ['All'], value: ['$__all'] } };
}

/** The dashboard's JSON. */
export function dashboard(): string {
  let [id, y] = [0, 0];
  const panels = ROWS.flatMap(({ title, panels: inside }) => {
    const top = y;
    y += 1 + HEIGHT * Math.ceil(inside.length / COLUMNS);
    return [
      { id: id += 1, type: 'row', title, collapsed: false, gridPos: { x: 0, y: top, w: 24, h: 1 }, panels: [] },
      ...inside.map((panel, index) => ({
        id: id += 1, type: panel.kind ?? 'timeseries', title: panel.title, description: panel.description, datasource,
        gridPos: { x: WIDTH * (index % COLUMNS), y: top + 1 + HEIGHT * Math.floor(index / COLUMNS), w: WIDTH, h: HEIGHT },
        fieldConfig: { defaults: { unit: panel.unit ?? 'short' }, overrides: [] },
        targets: panel.queries.map(({ expr, legend }, query) => ({ refId: String.fromCharCode(65 + query), datasource, expr, legendFormat: legend ?? '__auto' })),
      })),
    ];
  });
  return `${JSON.stringify({
    uid: 'srdit', title: 'SR-DiT', tags: ['srdit'], schemaVersion: 39, editable: true, refresh: '30s', time: { from: 'now-6h', to: 'now' },
    templating: { list: [
      { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus', current: {} },
      variable('operator', 'Namespace of the operator', 'label_values(leader_election_master_status, namespace)'),
      variable('run', 'Run', 'label_values(srdit_step, app_kubernetes_io_instance)'),
    ] },
    panels,
  }, null, 1)}\n`;
}
