export default {
  // The worker imports nothing later that Vite would have to put beside it.
  worker: { format: "es" },
  // The package finds its worker and its modules beside its entry: bundled beforehand, it would not.
  optimizeDeps: { exclude: ["privet"] },
};
