"""From a posterior to a decision: requirements, verdict, and a watch on new inputs."""
