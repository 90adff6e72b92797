export { dashboard, type Dashboard } from './dashboard.ts'
export type { DashboardOptions } from './options.ts'
export { type NodeRequest, type NodeResponse, toNode } from './to-node.ts'
