// Where the tasks of a gang lie: racks in their halls, one mark a task, in the colour of its phase.
import { Link } from "react-router-dom";
import type { Job } from "../../api/types";
import { count } from "../../lib/units";

type Task = NonNullable<Job["status"]["tasks"]>[number];
const colors: Record<string, string> = { assigned: "var(--idle)", running: "var(--bar)", exited: "var(--ok)" };
const colorOf = (task: Task) => (task.phase === "exited" && task.exitCode ? "var(--bad)" : colors[task.phase]);

export function Gang({ tasks, pick, picked }: { tasks: Task[]; pick: (rank: number) => void; picked: number }) {
  const halls = new Map<string, Map<string, Map<string, Task[]>>>();
  for (const task of tasks) {
    const [site, hall, rack, node] = task.node.split("/");
    const racks = halls.get(`${site}/${hall}`) ?? new Map();
    halls.set(`${site}/${hall}`, racks);
    const nodes = racks.get(rack) ?? new Map();
    racks.set(rack, nodes);
    nodes.set(node, [...(nodes.get(node) ?? []), task]);
  }
  const small = tasks.length > 512;
  return (
    <div className="stack">
      {[...halls].map(([hall, racks]) => (
        <div key={hall}>
          <h3>{hall} <span className="faint">{count(racks.size)} racks</span></h3>
          <div className="row wrap" style={{ alignItems: "flex-start", marginTop: 4 }}>
            {[...racks].sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true })).map(([rack, nodes]) => (
              <div key={rack} className="card" style={{ padding: 6, maxWidth: 200 }}>
                <Link to={`/racks/${hall}/${rack}`} className="faint" style={{ fontSize: 11, lineHeight: "14px", display: "block" }}>{rack}</Link>
                <div className="row wrap" style={{ gap: 2, marginTop: 3 }}>
                  {[...nodes].flatMap(([node, on]) => on.map((task) => (
                    <button key={task.rank} type="button" title={`rank ${task.rank} on ${node}, ${task.gpus} GPUs, ${task.phase}`} aria-label={`Rank ${task.rank} on ${node}, ${task.phase}`} aria-pressed={task.rank === picked}
                      onClick={() => pick(task.rank)} style={{ width: small ? 8 : 16, height: small ? 8 : 16, padding: 0, border: task.rank === picked ? "2px solid var(--ink)" : 0, borderRadius: 3, background: colorOf(task), cursor: "pointer" }} />
                  )))}
                </div>
              </div>
            ))}
          </div>
        </div>
      ))}
    </div>
  );
}
